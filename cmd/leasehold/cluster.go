package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/clustercli"
	"github.com/leasehold/leasehold/internal/neighbour"
	"github.com/leasehold/leasehold/internal/netconf"
)

func (t *tool) clusterCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cluster",
		Short: "Manage networks whose addresses are shared with other hosts",
		Long: `Manage networks whose addresses are shared with other hosts, through etcd: those
with "cluster" in ipam. How etcd is reached is in
/etc/leasehold/clusters/NAME.json, where NAME is the value of "cluster";
$LEASEHOLD_CLUSTERS names another directory.

The program leasehold-cluster does the work. It is looked for beside this one,
in ` + neighbour.DefaultDir + `, and in $CNI_PATH.`,
		Args: cli.Arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			return fmt.Errorf("there is no command %q; to list them: %s --help", args[0], c.CommandPath())
		},
	}
	c.AddCommand(clustercli.Commands(t.runCluster)...)
	return c
}

// An exitError is the exit status of a program that has said what is wrong.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// runCluster executes leasehold-cluster, with the configuration of the network as its input.
func (t *tool) runCluster(c *cobra.Command, call clustercli.Call) error {
	var conf []byte
	if name := call.Network(); name != "" {
		n, err := t.sharedNetwork(name)
		if err != nil {
			return err
		}
		conf = n.Text
	}
	path, err := t.clusterProgram()
	if err != nil {
		return err
	}
	args := call.Args
	var more []*os.File
	if in, ok := t.in.(*os.File); ok && call.Command == clustercli.Reserve && args[1] == "-" {
		// Its standard input is the configuration.
		args, more = []string{args[0], "/dev/fd/3"}, []*os.File{in}
	}
	cmd := exec.CommandContext(c.Context(), path, clustercli.Line(c, args, t.output)...)
	cmd.ExtraFiles = more
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(conf), cli.Stream(t.out), t.errs
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		if exit.Exited() {
			return exitError(exit.ExitCode())
		}
		return fmt.Errorf("%s was killed (%w); run the command again, which finishes what was begun", path, exit)
	}
	return err
}

// sharedNetwork returns the configuration of a network. It needs no store: a host that has joined no
// space yet has none.
func (t *tool) sharedNetwork(name string) (n netconf.Network, err error) {
	all, err := t.configurations()
	if err != nil {
		return n, err
	}
	for _, n := range all {
		switch {
		case n.Name != name:
		case n.Refused() != nil:
			return n, fmt.Errorf("%s: %w", n.File, n.Refused())
		case n.Config != nil && n.Config.Cluster == "":
			return n, fmt.Errorf(`%s: network %s is not shared with other hosts; add "cluster": "NAME" to ipam`, n.File, name)
		default:
			return n, nil
		}
	}
	return n, fmt.Errorf("no configuration in %s has network %s; name another place with --conf-dir or --conf", t.confLocation(), name)
}

// clusterProgram returns the path of leasehold-cluster.
func (t *tool) clusterProgram() (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", err
	}
	dirs := []string{filepath.Dir(own), neighbour.DefaultDir}
	for _, dir := range append(dirs, filepath.SplitList(t.getenv("CNI_PATH"))...) {
		path := filepath.Join(dir, neighbour.Program)
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() {
			return path, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("%w; install it in %s", neighbour.ErrNotInstalled, neighbour.DefaultDir)
}
