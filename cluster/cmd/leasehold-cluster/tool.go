package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/internal/host"
	"github.com/leasehold/leasehold/cluster/internal/settings"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/config"
)

// A tool is one run of the program.
type tool struct {
	in        io.Reader
	out, errs io.Writer
	getenv    func(string) string

	cni bool // errors are for the plugin
}

// Exit statuses, as of the tool leasehold.
const (
	statusOK    = 0
	statusError = 2
)

// run executes the command in args, and returns the exit status of the process.
func (t *tool) run(ctx context.Context, args []string) int {
	err := cli.Execute(ctx, t.command(), args, t.in, t.out, t.errs)
	if err == nil {
		return statusOK
	}
	if err := t.report(err); err != nil {
		fmt.Fprintln(t.errs, cli.PrintableLines(err.Error())) // There is nowhere else to say it.
	}
	return statusError
}

// A failure is an error of a command on a network.
type failure struct {
	error
	network string // names it to the tool leasehold
}

// Unwrap returns the error.
func (f failure) Unwrap() error { return f.error }

// report writes an error for the plugin or for people.
func (t *tool) report(err error) error {
	network := "NETWORK"
	if f := (failure{}); errors.As(err, &f) {
		network = f.network
	}
	a := host.AnswerTo(err, network)
	if t.cni {
		return json.NewEncoder(t.out).Encode(a)
	}
	text := a.Msg
	if a.Details != "" {
		text += "; " + a.Details
	}
	return errors.New(text)
}

// command returns the root command.
func (t *tool) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "leasehold-cluster",
		Short: "Share the addresses of a network with other hosts, through etcd",
		Long: `Leasehold-cluster gets blocks of addresses for this host from etcd, of which each is
held by one host, and gives them back.

A command on a network reads its configuration, as a CNI plugin gets it, from
standard input. How etcd is reached is in ` + settings.DefaultDir + `/NAME.json,
where NAME is the value of "cluster" in ipam; $` + settings.DirVar + ` names another
directory.

Exit status: 0 on success; 2 after an error.`,
	}
	root.PersistentFlags().BoolVar(&t.cni, "cni", false, "write an error as a CNI error to standard output, for the plugin")
	root.AddCommand(t.initCommand(), t.claimCommand(), t.attestCommand(), t.giveBackCommand(), t.agentCommand())
	cli.Prepare(root)
	return root
}

func (t *tool) claimCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "claim NETWORK",
		Short: "Get blocks of addresses for this host, if it has no free address",
		Long: `Get blocks of addresses for this host, if a range set of the network has no free
address, or if CNI_ARGS requests an address that this host does not hold. A host
that is not a member of the space joins it. It prints the blocks that it has got.`,
		Args: cli.Arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			return t.with(args[0], func(h *host.Host) error {
				got, err := h.Claim(c.Context())
				t.printBlocks(got)
				return err
			})
		},
	}
}

func (t *tool) attestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "attest NETWORK",
		Short: "Have the other hosts confirm what this host holds",
		Long: `Have the other hosts confirm what this host holds, which is needed once after each
boot before an address can be leased. A host that is not a member of the space joins it.`,
		Args: cli.Arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			return t.with(args[0], func(h *host.Host) error { return h.Attest(c.Context()) })
		},
	}
}

func (t *tool) giveBackCommand() *cobra.Command {
	var keep int
	c := &cobra.Command{
		Use:   "give-back NETWORK",
		Short: "Give blocks back in which nothing is leased",
		Long: `Give blocks back in which nothing is leased, so that other hosts can have them. It
prints them.`,
		Args: cli.Arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if keep < 0 {
				return fmt.Errorf("--keep %d: want a number that is not negative", keep)
			}
			return t.with(args[0], func(h *host.Host) error {
				given, err := h.GiveBack(c.Context(), keep)
				t.printBlocks(given)
				return err
			})
		},
	}
	c.Flags().IntVar(&keep, "keep", 0, "how many such blocks of each family to keep")
	return c
}

func (t *tool) initCommand() *cobra.Command {
	var size uint64
	c := &cobra.Command{
		Use:   "init NETWORK",
		Short: "Make a space: the addresses of a network, to be shared by hosts",
		Long: `Make the space of a network, from the ranges of its configuration, once and from any
host. The size of its blocks never changes: without --block-size a block of IPv4
has 1 address in a range of up to 511, and up to 64 in one of 16,384 or more; a
block of IPv6 has 256.`,
		Args: cli.Arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			return t.with(args[0], func(h *host.Host) error {
				made, err := h.Init(c.Context(), size)
				if err == nil {
					_, err = fmt.Fprintf(t.out, "space %s: %s%s\n", h.Space(), strings.Join(made.Ranges, ", "), sizes(made))
				}
				return err
			})
		},
	}
	c.Flags().Uint64Var(&size, "block-size", 0, "addresses of IPv4 in a block, a power of two (default: as suits the ranges)")
	return c
}

// sizes says how large the blocks are.
func sizes(c cluster.Config) string {
	text := ""
	for _, f := range []struct {
		name string
		size uint64
	}{{"IPv4", c.Block4}, {"IPv6", c.Block6}} {
		if f.size != 0 {
			text += fmt.Sprintf("; blocks of %d %s", f.size, f.name)
		}
	}
	return text
}

// printBlocks prints what a command has got or given back.
func (t *tool) printBlocks(blocks []backend.Block) {
	if t.cni {
		return // Only errors are for the plugin.
	}
	for _, b := range blocks {
		fmt.Fprintln(t.out, b) // A reader that has gone does not undo it.
	}
}

// with calls fn for the network whose configuration is on standard input.
func (t *tool) with(network string, fn func(*host.Host) error) error {
	conf, err := io.ReadAll(t.in)
	if err != nil {
		return err
	}
	n, err := config.ParseNetwork(conf)
	if err != nil {
		return err
	}
	if n.Name != network {
		return fmt.Errorf("the configuration on standard input is of network %s, not of %s", n.Name, network)
	}
	name := n.Name
	if n.DataDir != config.DefaultDataDir {
		name += " --data-dir " + n.DataDir
	}
	h, err := host.Open(conf, t.getenv("CNI_ARGS"), cmp.Or(t.getenv(settings.DirVar), settings.DefaultDir))
	if err == nil {
		err = errors.Join(fn(h), h.Close())
	}
	if err != nil {
		return failure{err, name}
	}
	return nil
}
