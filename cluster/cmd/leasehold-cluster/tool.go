package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/cluster/internal/host"
	"github.com/leasehold/leasehold/cluster/internal/settings"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/clustercli"
	"github.com/leasehold/leasehold/internal/config"
)

// A tool is one run of the program.
type tool struct {
	in        io.Reader
	out, errs io.Writer
	getenv    func(string) string
	socket    string // on which an agent of this host listens, if one runs

	cni     bool // errors are for the plugin
	output  string
	network string // names the network of the command to the tool leasehold
}

// run executes the command in args, and returns the exit status of the process.
func (t *tool) run(ctx context.Context, args []string) int {
	out := cli.NewOutput(t.out)
	t.out = out
	err := cli.Execute(ctx, t.command(), args, t.in, out, t.errs)
	switch {
	case err == nil:
		return cli.StatusOK
	case errors.Is(err, cli.ErrNo):
		return cli.StatusNo
	}
	if err := t.report(err); err != nil {
		fmt.Fprintln(t.errs, cli.PrintableLines("leasehold-cluster: "+err.Error())) // There is nowhere else to say it.
	}
	return cli.StatusError
}

// A failure is an error of a command on a network.
type failure struct {
	error
	network string // names it to the tool leasehold
}

// Unwrap returns the error.
func (f failure) Unwrap() error { return f.error }

// report writes an error for the plugin, or returns it for people.
func (t *tool) report(err error) error {
	f := failure{}
	if !errors.As(err, &f) && !t.cni {
		return err
	}
	a := host.AnswerTo(err, cmp.Or(f.network, "NETWORK"))
	if t.cni {
		return json.NewEncoder(t.out).Encode(a)
	}
	if a.Details != "" {
		a.Msg += "; " + a.Details
	}
	return errors.New(a.Msg)
}

// command returns the root command.
func (t *tool) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "leasehold-cluster",
		Short: "Share the addresses of a network with other hosts, through etcd",
		Long: `Leasehold-cluster gets blocks of addresses for this host from etcd, of which
each is held by one host, and gives them back. The plugin host-local executes
it; operators use it as "leasehold cluster".

A command on a network reads its configuration, as a CNI plugin gets it, from
standard input. How etcd is reached is in ` + settings.DefaultDir + `/NAME.json,
where NAME is the value of "cluster" in ipam; $` + settings.DirVar + ` names
another directory.

Exit status: 0 on success; 1 if the answer is no or a problem was found; 2 after
an error.`,
	}
	root.PersistentFlags().BoolVar(&t.cni, "cni", false, "write an error as a CNI error to standard output, for the plugin")
	root.PersistentFlags().StringVarP(&t.output, "output", "o", "table", "output format: table or json")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if t.output != "table" && t.output != "json" {
			return fmt.Errorf("--output %q: use table or json", t.output)
		}
		return nil
	}
	root.AddCommand(clustercli.Commands(t.execute)...)
	root.AddCommand(t.agentCommand())
	cli.Prepare(root)
	return root
}

// execute executes a command.
func (t *tool) execute(c *cobra.Command, call clustercli.Call) error {
	dir := cmp.Or(t.getenv(settings.DirVar), settings.DefaultDir)
	if call.Command == clustercli.Spaces {
		return t.spaces(c.Context(), dir, call.Args[0])
	}
	conf, err := io.ReadAll(t.in)
	if err != nil {
		return err
	}
	n, err := config.ParseNetwork(conf)
	if err != nil {
		return err
	}
	if n.Name != call.Network() {
		return fmt.Errorf("the configuration on standard input is of network %s, not of %s", n.Name, call.Network())
	}
	t.network = n.Name + n.DataDirFlag()
	h, err := host.Open(conf, t.getenv("CNI_ARGS"), dir)
	if err == nil {
		err = errors.Join(t.on(c.Context(), h, call), h.Close())
	}
	if err != nil && !errors.Is(err, cli.ErrNo) {
		return failure{err, t.network}
	}
	return err
}

// on executes a command on a network.
func (t *tool) on(ctx context.Context, h *host.Host, call clustercli.Call) error {
	switch call.Command {
	case clustercli.Init:
		return t.init(ctx, h, call)
	case clustercli.Claim:
		got, err := h.Claim(ctx)
		return errors.Join(t.printBlocks(got), err)
	case clustercli.GiveBack:
		return t.giveBack(ctx, h, call)
	case clustercli.Attest:
		return t.reported(h.Attest(ctx))
	case clustercli.Adopt:
		return t.reported(h.Adopt(ctx))
	case clustercli.Rejoin:
		return t.rejoin(ctx, h, call)
	}
	least := time.Duration(0)
	if call.Command == clustercli.Recover || call.Command == clustercli.Reserve {
		least = host.ManyRequests
	}
	return h.Operate(ctx, least, func(ctx context.Context, o host.Operator) error {
		switch call.Command {
		case clustercli.Hosts:
			return t.hosts(ctx, o)
		case clustercli.Blocks:
			return t.blocks(ctx, o)
		case clustercli.Who:
			return t.who(ctx, o, call.Args[1])
		case clustercli.Usage:
			return t.usage(ctx, o)
		case clustercli.Evict:
			return t.evict(ctx, o, call)
		case clustercli.Recover:
			return t.recover(ctx, o, call)
		case clustercli.Reserve:
			return t.reserve(ctx, o, call)
		}
		return t.verify(ctx, h, o, call)
	})
}
