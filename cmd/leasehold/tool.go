package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/lint"
	"github.com/leasehold/leasehold/internal/netconf"
	"github.com/leasehold/leasehold/internal/shell"
)

// A tool is one run of the program: its streams, its common flags, and what it has found out
// about the networks of the host.
type tool struct {
	in        io.Reader
	out, errs io.Writer
	getenv    func(string) string
	now       func() time.Time
	hostAddrs func() ([]lint.HostAddr, error) // nil: do not compare with this host's addresses

	dirs           []string     // the data directories that were searched
	node           netconf.Node // the configurations
	configured     []string     // names of the networks in node
	reportProblems bool         // verify reports unreadable configurations as findings, so they are not warnings
	discovered     []network    // all networks, whether named on the command line or not
	incomplete     error        // why discovered may lack networks
	strays         []stray      // files in the data directories that are not stores
	namesakes      []network    // networks that are not the main one of their store
	advised        []string     // advice that was printed
	warned         []string     // warnings that were printed by warnOnce

	dataDirFlag []string
	confDir     string
	confFile    string
	output      string
	lockTimeout time.Duration
}

func (t *tool) run(ctx context.Context, args []string) int {
	out := cli.NewOutput(t.out)
	t.out = out
	err := cli.Execute(ctx, t.command(), args, t.in, out, t.errs)
	switch {
	case t.incomplete != nil && (err == nil || errors.Is(err, cli.ErrNo)):
		err = t.incomplete
	case err == nil:
		return cli.StatusOK
	case errors.Is(err, cli.ErrNo):
		return cli.StatusNo
	}
	if exit := exitError(0); errors.As(err, &exit) {
		return int(exit)
	}
	t.printError(err)
	return cli.StatusError
}

// command returns the root command.
func (t *tool) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "leasehold",
		Short: "Show and repair the IP address leases of host-local",
		Long: `Leasehold shows and repairs the leases that the CNI plugin host-local keeps on
this host, in either kind of store: a directory with one file per address, or
one bolt file per network.

Networks have the names that their configurations give them. Without a name, a
command applies to all networks that are found.

Exit status: 0 on success; 1 if the answer is no or a problem was found; 2 after
an error.`,
		Example: `  leasehold who 10.1.0.7 --at 14:03    which pod had the address of an alert
  leasehold why-full podnet            why ADD finds no free address
  leasehold verify                     whether anything is wrong`,
	}
	flags := root.PersistentFlags()
	flags.StringArrayVar(&t.dataDirFlag, "data-dir", nil, "directory of the stores; can be repeated (default: "+defaultDataDir+" and every dataDir in the configurations)")
	flags.StringVar(&t.confDir, "conf-dir", "", "directory of the configurations (default: $NETCONFPATH, else "+netconf.DefaultDir+")")
	flags.StringVar(&t.confFile, "conf", "", "a single configuration file, instead of --conf-dir")
	flags.StringVarP(&t.output, "output", "o", "table", "output format: table or json")
	cli.DurationVar(flags, &t.lockTimeout, "lock-timeout", 30*time.Second, "how long to wait for a lock")
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		return errors.Join(t.checkFlags(), checkOutput(c))
	}
	for _, c := range []*cobra.Command{
		t.listCommand(), t.whoCommand(), t.historyCommand(), t.usageCommand(), t.mapCommand(), t.whyFullCommand(), t.verifyCommand(),
		t.releaseCommand(), t.gcCommand(), t.migrateCommand(), t.pruneCommand(), t.exportCommand(), t.importCommand(),
		t.metricsCommand(), t.reportCommand(), t.serveCommand(), t.topCommand(), t.clusterCommand(),
	} {
		root.AddCommand(c)
	}
	cli.Prepare(root)
	t.complete(root)
	return root
}

func (t *tool) checkFlags() error {
	switch {
	case t.output != "table" && t.output != "json":
		return fmt.Errorf("--output %q: use table or json", t.output)
	case t.lockTimeout <= 0:
		return fmt.Errorf("--lock-timeout %v: want a positive duration, for example 10s", t.lockTimeout)
	case t.confDir != "" && t.confFile != "":
		return errors.New("use either --conf or --conf-dir")
	}
	return nil
}

// fixedFormat is the annotation that names the output format of a command with only one.
const fixedFormat = "format"

// checkOutput rejects --output for a command that would ignore it.
func checkOutput(c *cobra.Command) error {
	if only := c.Annotations[fixedFormat]; only != "" && c.Flag("output").Changed {
		return fmt.Errorf("%s prints %s only: leave out --output", c.CommandPath(), only)
	}
	return nil
}

// lockContext returns a context that ends after --lock-timeout.
func (t *tool) lockContext(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	return context.WithTimeout(cmd.Context(), t.lockTimeout)
}

// flagsFor is sameFlags for a command about one of several stores with the same name.
func (t *tool) flagsFor(n network) string {
	for _, other := range t.discovered {
		if other.name == n.name && other.path != n.path {
			return " --data-dir " + shell.Quote(filepath.Dir(n.path)) + t.confFlags()
		}
	}
	return t.sameFlags()
}

// sameFlags returns the --data-dir, --conf-dir and --conf flags of this run, for the commands
// in advice.
func (t *tool) sameFlags() string {
	text := ""
	for _, dir := range t.dataDirFlag {
		text += " --data-dir " + shell.Quote(dir)
	}
	return text + t.confFlags()
}

// confFlags returns the --conf-dir and --conf flags of this run.
func (t *tool) confFlags() (text string) {
	for _, f := range []struct{ name, value string }{
		{"conf-dir", t.confDir}, {"conf", t.confFile},
	} {
		if f.value != "" {
			text += " --" + f.name + " " + shell.Quote(f.value)
		}
	}
	return text
}
