package main

import (
	"context"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
	types100 "github.com/containernetworking/cni/pkg/types/100"
	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/shell"
)

func (t *tool) addCommand() *cobra.Command {
	return t.attachment("add", "Attach a namespace to a network", `Attach a network namespace to a network, and print the result of the plugins.`,
		func(ctx context.Context, n network, rt *libcni.RuntimeConf) error {
			if err := checkNetnsExists(rt.NetNS); err != nil {
				return err
			}
			result, err := t.cni().AddNetworkList(ctx, n.list, rt)
			if err != nil {
				return err
			}
			return t.writeResult(result)
		})
}

func (t *tool) checkCommand() *cobra.Command {
	return t.attachment("check", "Check that an attachment is unchanged", `Ask the plugins to check that an attachment is still as they made it.`,
		func(ctx context.Context, n network, rt *libcni.RuntimeConf) error {
			if err := checkNetnsExists(rt.NetNS); err != nil {
				return err
			}
			return t.cni().CheckNetworkList(ctx, n.list, rt)
		})
}

func (t *tool) delCommand() *cobra.Command {
	return t.attachment("del", "Detach a namespace from a network", `Detach a network namespace from a network. It is not an error if the namespace
is not attached, or no longer exists.`,
		func(ctx context.Context, n network, rt *libcni.RuntimeConf) error {
			return t.cni().DelNetworkList(ctx, n.list, rt)
		})
}

// attachment returns a command that takes a network and a network namespace.
func (t *tool) attachment(verb, short, long string, do func(context.Context, network, *libcni.RuntimeConf) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   verb + " NET NETNS",
		Short: short,
		Long: long + `

NETNS is the path of a network namespace, or its name if "ip netns add" created
it. The container ID is derived from the path unless --container-id sets it.`,
		Args: cli.Arguments(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := t.readyNetwork(args[0])
			if err != nil {
				return err
			}
			rt, err := t.runtimeConf(args[1])
			if err != nil {
				return err
			}
			return do(cmd.Context(), n, rt)
		},
	}
	t.attachmentFlags(cmd)
	return cmd
}

func (t *tool) attachmentFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.containerID, "container-id", "", "the container ID")
	cmd.Flags().StringVar(&t.ifName, "ifname", "", "the interface in the namespace (default: $CNI_IFNAME, else eth0)")
}

// runtimeConf returns the runtime configuration for an attachment to the namespace.
func (t *tool) runtimeConf(netns string) (*libcni.RuntimeConf, error) {
	path, err := netnsPath(netns)
	if err != nil {
		return nil, usageError(err)
	}
	rt := &libcni.RuntimeConf{ContainerID: t.containerID, NetNS: path, IfName: t.ifName}
	if rt.ContainerID == "" {
		rt.ContainerID = fmt.Sprintf("cnitool-%x", sha512.Sum512([]byte(path)))[:len("cnitool-")+20]
	}
	if rt.IfName == "" {
		rt.IfName = t.getenv("CNI_IFNAME")
	}
	if rt.IfName == "" {
		rt.IfName = "eth0"
	}
	if rt.Args, err = parseArgs(t.getenv("CNI_ARGS")); err != nil {
		return nil, usageError(err)
	}
	if text := t.getenv("CAP_ARGS"); text != "" {
		if err := json.Unmarshal([]byte(text), &rt.CapabilityArgs); err != nil {
			return nil, usageError(fmt.Errorf("CAP_ARGS is not a JSON object: %w", err))
		}
	}
	return rt, nil
}

// namedDir is the directory in which "ip netns add" creates namespaces.
const namedDir = "/run/netns/"

// netnsPath returns the path of a namespace given by its path or its name.
func netnsPath(netns string) (string, error) {
	if netns != "" && !strings.ContainsRune(netns, filepath.Separator) && netns != "." && netns != ".." {
		return filepath.Join(namedDir, netns), nil
	}
	return filepath.Abs(netns)
}

// checkNetnsExists returns an error if the namespace does not exist. Plugins cannot be
// relied on for this: an IPAM plugin never opens the namespace, and would lease an address
// for nothing.
func checkNetnsExists(netns string) error {
	_, err := os.Stat(netns)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	advice := "cnitool run creates one to run a command in"
	if dir, name := filepath.Split(netns); dir == namedDir || dir == "/var"+namedDir {
		advice = "to create it: ip netns add " + shell.Quote(name) + "; " + advice
	}
	return usageError(fmt.Errorf("there is no network namespace %s\ndetails: %s", netns, advice))
}

func parseArgs(text string) (args [][2]string, err error) {
	if text == "" {
		return nil, nil
	}
	for pair := range strings.SplitSeq(text, ";") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" || value == "" {
			return nil, fmt.Errorf("CNI_ARGS: %q is not KEY=VALUE", pair)
		}
		args = append(args, [2]string{key, value})
	}
	return args, nil
}

// writeResult prints the result of an ADD.
func (t *tool) writeResult(result types.Result) error {
	if t.output != "table" {
		return errors.Join(result.PrintTo(t.out), t.newline())
	}
	r, err := types100.NewResultFromResult(result)
	if err != nil {
		return err
	}
	table := cli.NewTable(t.out, "INTERFACE", "ADDRESS", "GATEWAY")
	for _, ip := range r.IPs {
		gateway := ""
		if ip.Gateway != nil {
			gateway = ip.Gateway.String()
		}
		table.Row(interfaceOf(r, ip), ip.Address.String(), gateway)
	}
	return table.Flush()
}

func (t *tool) newline() error { _, err := fmt.Fprintln(t.out); return err }

// interfaceOf returns the name of the interface that has the address, or "" if the result
// does not say.
func interfaceOf(r *types100.Result, ip *types100.IPConfig) string {
	if i := ip.Interface; i != nil && *i >= 0 && *i < len(r.Interfaces) {
		return r.Interfaces[*i].Name
	}
	return ""
}
