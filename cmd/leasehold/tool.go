package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/lint"
	"github.com/leasehold/leasehold/internal/netconf"
)

// A tool is one run of the program: what it reads and writes, and its common flags.
type tool struct {
	in        io.Reader
	out, errs io.Writer
	getenv    func(string) string
	now       func() time.Time
	hostAddrs func() ([]lint.HostAddr, error) // nil: they do not matter

	dirs       []string     // in which networks were looked for
	node       netconf.Node // what configurations say
	configured []string     // the networks that they have
	finding    bool         // what is wrong with a configuration is a finding, and no warning
	discovered []network    // all that there are, named or not
	unseen     error        // why there can be networks that were not discovered
	bystanders []bystander  // what is in the directories, and is no store
	told       []string     // what to do next
	warned     []string     // what is warned of once

	dataDirFlag []string
	confDir     string
	confFile    string
	output      string
	lockTimeout time.Duration
}

// Exit statuses. Scripts can tell a bad answer from no answer.
const (
	statusOK    = 0
	statusNo    = 1 // the answer is no, or something was found
	statusError = 2
)

// errNo ends a command whose answer, which it has printed, is no.
var errNo = errors.New("no")

func (t *tool) run(ctx context.Context, args []string) int {
	err := cli.Execute(ctx, t.command(), args, t.in, t.out, t.errs)
	switch {
	case t.unseen != nil && (err == nil || errors.Is(err, errNo)):
		err = t.unseen // The answer may not be all there is.
	case err == nil:
		return statusOK
	case errors.Is(err, errNo):
		return statusNo
	}
	t.complain(err)
	return statusError
}

// command returns the root of all commands.
func (t *tool) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "leasehold",
		Short: "Show and mend the IP address leases of host-local",
		Long: `Leasehold shows and mends the leases that the CNI plugin host-local keeps on
this host, in either of its stores: a directory with a file for each address, or
one bolt file for each network.

Networks are named as in their configurations. Where none is named, all that are
found are meant.

Exit status: 0 if all is well; 1 if the answer is no or something was found; 2
after an error.`,
	}
	flags := root.PersistentFlags()
	flags.StringArrayVar(&t.dataDirFlag, "data-dir", nil, "where the stores are; can be repeated (default: "+defaultDataDir+" and what configurations name)")
	flags.StringVar(&t.confDir, "conf-dir", "", "where configurations are (default: $NETCONFPATH, else "+netconf.DefaultDir+")")
	flags.StringVar(&t.confFile, "conf", "", "one configuration, instead of --conf-dir")
	flags.StringVarP(&t.output, "output", "o", "table", "table or json")
	cli.DurationVar(flags, &t.lockTimeout, "lock-timeout", 30*time.Second, "how long to wait for a lock")
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		return errors.Join(t.checkFlags(), checkOutput(c))
	}
	for _, c := range []*cobra.Command{
		t.listCommand(), t.whoCommand(), t.usageCommand(), t.mapCommand(), t.whyFullCommand(), t.verifyCommand(),
		t.releaseCommand(), t.gcCommand(), t.migrateCommand(), t.pruneCommand(), t.exportCommand(), t.importCommand(),
		t.metricsCommand(),
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

// ownFormat is the annotation of a command whose answer has one form only, which it names.
const ownFormat = "format"

// checkOutput refuses a form that would not be minded.
func checkOutput(c *cobra.Command) error {
	if only := c.Annotations[ownFormat]; only != "" && c.Flag("output").Changed {
		return fmt.Errorf("%s answers %s only: leave out --output", c.CommandPath(), only)
	}
	return nil
}

// waiting returns a context that ends when the wait for a lock has to.
func (t *tool) waiting(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	return context.WithTimeout(cmd.Context(), t.lockTimeout)
}

// sameFlags repeats, in a command that is recommended, the flags that say where to
// look.
func (t *tool) sameFlags() string {
	text := ""
	for _, dir := range t.dataDirFlag {
		text += " --data-dir " + dir
	}
	for _, f := range []struct{ name, value string }{
		{"conf-dir", t.confDir}, {"conf", t.confFile},
	} {
		if f.value != "" {
			text += " --" + f.name + " " + f.value
		}
	}
	return text
}
