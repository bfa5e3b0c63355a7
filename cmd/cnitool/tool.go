package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/lint"
	"github.com/leasehold/leasehold/internal/netconf"
)

// A tool is one run of the program: its input and output, and its common flags.
type tool struct {
	in        io.Reader
	out, errs io.Writer
	getenv    func(string) string
	hostAddrs func() ([]lint.HostAddr, error)

	confDir     string
	pluginPath  string
	cacheDir    string
	output      string
	containerID string
	ifName      string
}

func (t *tool) run(ctx context.Context, args []string) int {
	out := cli.NewOutput(t.out)
	t.out = out
	return t.report(cli.Execute(ctx, t.command(), args, t.in, out, t.errs))
}

func (t *tool) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "cnitool",
		Short: "Attach network namespaces to CNI networks by hand",
		Long: `Cnitool attaches network namespaces to CNI networks, as a container runtime
does.

To try a network, run as root:

  cnitool run NET -- ip address

Environment, as for the CNI project's cnitool:

  NETCONFPATH  the directory with the configurations (` + netconf.DefaultDir + `)
  CNI_PATH     the directories with the plugins, separated by colons
  CNI_ARGS     arguments for the plugins: KEY=VALUE;KEY=VALUE
  CAP_ARGS     capability arguments, as a JSON object
  CNI_IFNAME   the interface in the namespace (eth0)

Exit status: 0 on success; 1 if a plugin returned an error or a problem was
found; 2 if the command line is wrong, and for any other error; 3 if the network
does not exist or its configuration cannot be read; 4 if a plugin is missing or
did not answer. cnitool run exits with the status of its command, or with 125 if
the command was not started.`,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&t.confDir, "conf-dir", "", "directory with configurations (default: $NETCONFPATH)")
	flags.StringVar(&t.pluginPath, "cni-path", "", "directories with plugins (default: $CNI_PATH)")
	flags.StringVar(&t.cacheDir, "cache-dir", libcni.CacheDir, "directory of libcni's cache of attachments")
	flags.StringVarP(&t.output, "output", "o", "", "json or table (default: json for add, else table)")
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return t.checkFlags() }
	root.AddCommand(t.addCommand(), t.checkCommand(), t.delCommand(), t.statusCommand(), t.gcCommand(),
		t.listCommand(), t.validateCommand(), t.runCommand())
	cli.Prepare(root)
	for _, c := range root.Commands() {
		if strings.Contains(c.Use, "NET") {
			c.ValidArgsFunction = t.networkNames
		}
	}
	return root
}

func (t *tool) checkFlags() error {
	if t.output != "" && t.output != "json" && t.output != "table" {
		return usageError(fmt.Errorf("--output %q: use json or table", t.output))
	}
	t.confDir = netconf.Dir(t.confDir, t.getenv)
	if t.pluginPath == "" {
		t.pluginPath = t.getenv("CNI_PATH")
	}
	return nil
}

// networkNames completes the name of a network. The next argument is a file.
func (t *tool) networkNames(_ *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	if len(args) > 0 || t.checkFlags() != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	networks, err := t.networks()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp // A completion cannot report an error.
	}
	for _, n := range networks {
		if n.err == nil {
			names = append(names, n.list.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// paths returns the plugin directories as absolute paths: os/exec would look up a plugin
// from --cni-path . in $PATH.
func (t *tool) paths() (dirs []string) {
	for _, dir := range filepath.SplitList(t.pluginPath) {
		if abs, err := filepath.Abs(dir); err == nil {
			dir = abs
		}
		dirs = append(dirs, dir)
	}
	return dirs
}

// cni returns libcni's client, which executes the plugins.
func (t *tool) cni() *libcni.CNIConfig {
	return libcni.NewCNIConfigWithCacheDir(t.paths(), t.cacheDir, nil)
}
