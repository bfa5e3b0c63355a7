package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/report"
	"github.com/leasehold/leasehold/internal/report/page"
	"github.com/leasehold/leasehold/internal/shell"
)

func (t *tool) reportCommand() *cobra.Command {
	var to string
	var noVerify bool
	c := &cobra.Command{
		Use:   "report [NETWORK…] --html FILE",
		Short: "Write a page that shows the networks, for a browser",
		Long: `Write one page that shows the networks named, or all: the address map of each,
who holds and held which address, how many were leased over time, what was
leased and released last, and what verify finds.

The page needs no network and no other file. It can be searched for an address,
a pod or a container, and for who held it at a time: type "10.1.0.7 at 14:03".
In a map, the arrow keys move from address to address, and Enter shows who held
one; in the chart over time, from one time to another.

FILE is replaced in one step; with - the page goes to standard output. It names
pods and containers: treat it like the output of list.

A page is at most about 1 MiB long. It has the leases of networks with up to
10,000 of them or so, the map of larger ones, and as many ended leases as fit;
it says what it lacks. While a store is checked, an ADD on the network waits.
Stores with more than 200,000 leases and ended ones are not checked, and with
--no-verify none is.`,
		Example:     "  leasehold report --html node.html\n  ssh node1 sudo leasehold report --html - > node1.html",
		Annotations: map[string]string{fixedFormat: "an HTML page"},
		RunE: func(cmd *cobra.Command, names []string) error {
			if to == "" {
				return errors.New("name the file to write: --html node.html")
			}
			return t.report(cmd, names, to, !noVerify)
		},
	}
	c.Flags().StringVar(&to, "html", "", "file to write the page to; - for standard output")
	c.Flags().BoolVar(&noVerify, "no-verify", false, "do not check stores and configurations")
	return c
}

func (t *tool) report(cmd *cobra.Command, names []string, to string, verify bool) error {
	p, err := page.New()
	if err != nil {
		return err
	}
	o := observer{tool: t, cmd: cmd, names: names, checks: verify}
	r, err := o.again(cmd.Context())
	if err != nil {
		return err
	}
	write := func(w io.Writer) error { return p.Write(w, r, false) }
	if to == "-" {
		return errors.Join(write(t.out), o.failed)
	}
	return errors.Join(replaceFile(to, "<!DOCTYPE html>", write), o.failed)
}

// An observer makes reports of the same networks again and again. It prints nothing: what the tool
// would warn of is a part of the report.
type observer struct {
	*tool
	cmd    *cobra.Command
	names  []string // of the networks; none means all
	checks bool     // whether it looks for what is wrong

	networksSeen []network // of the last report
	failed       error     // why networks of the last report could not be read

	found       []report.Finding // of the last check
	checked     time.Time        // when it was
	checkFailed error
}

// observe makes a report without findings. It fails if not even the networks are known.
func (o *observer) observe(ctx context.Context) (report.Report, error) {
	var warnings bytes.Buffer
	quiet := *o.tool
	quiet.errs, quiet.warned, quiet.advised, quiet.strays, quiet.incomplete = &warnings, nil, nil, nil, nil
	quiet.reportProblems = o.checks && len(o.names) == 0 // They are findings then.
	r := report.Report{At: o.now()}
	r.Host, _ = os.Hostname() // A page without the name of the host shows the same.
	networks, err := quiet.networks(o.names)
	if err != nil {
		return r, err
	}
	o.networksSeen, o.failed, o.incomplete = networks, nil, quiet.incomplete
	for _, n := range networks {
		r.Networks = append(r.Networks, o.observeNetwork(ctx, &quiet, n))
	}
	for line := range strings.Lines(warnings.String()) {
		text := strings.TrimSpace(strings.TrimPrefix(line, "leasehold: "))
		if !strings.HasPrefix(text, "next: ") {
			r.Warnings = append(r.Warnings, text)
		}
	}
	if quiet.incomplete != nil {
		r.Warnings = append(r.Warnings, quiet.incomplete.Error())
	}
	return r, nil
}

func (o *observer) observeNetwork(ctx context.Context, quiet *tool, n network) report.Network {
	kind, err := n.kind()
	if err != nil {
		o.failed = errors.Join(o.failed, o.inNetwork(n, err))
		return report.Network{Name: n.name, Path: n.path, Failure: err.Error()}
	}
	s := report.Source{Name: n.name, Path: n.path, Kind: cmp.Or(kind, "none"), Store: quiet.readStoreInPortions(n),
		Pools: n.pools(), ReuseAfter: n.reuseAfter(), Boot: boot.Current(), Now: o.now()}
	seen, err := report.Read(ctx, s)
	if err == nil {
		seen.Withheld, err = quiet.withheld(ctx, n, seen.Usage)
	}
	if err != nil {
		err = o.inNetwork(n, err)
		o.failed = errors.Join(o.failed, err)
		seen.Failure = strings.TrimPrefix(err.Error(), n.name+": ")
	}
	if len(s.Pools) == 0 {
		quiet.warnNoRanges(n)
	}
	seen.Commands = o.commands(n, seen)
	return seen
}

// reuseAfter returns how long addresses of the network cool: the longest that a configuration
// says.
func (n network) reuseAfter() (d time.Duration) {
	for _, c := range n.confs {
		if c.Config != nil {
			d = max(d, c.Config.Cooldown.ReuseAfter)
		}
	}
	return d
}

// commands returns what an operator may want to run next.
func (o *observer) commands(n network, seen report.Network) []report.Command {
	tool := "leasehold" + o.sameFlags()
	all := []report.Command{
		{Line: tool + " list " + n.word(), Why: "all leases, with whole container IDs"},
		{Line: tool + " why-full " + n.word(), Why: "what fills the ranges"},
	}
	if seen.NoHistory == "" {
		all = append(all, report.Command{Line: tool + " history " + n.word() + " --since 1h", Why: "what was held within the last hour"})
	}
	if seen.Torn > 0 {
		all = append(all, report.Command{Line: tool + " verify --repair " + n.word(), Why: "release the torn leases"})
	}
	if seen.Total > seen.Torn {
		all = append(all, report.Command{Line: gcCommand(tool, n, seen.Leases),
			Why: "which leases are of containers that are gone"})
	}
	return all
}

// maxChecked is how many leases and ended leases a store can have to be checked for a report: more
// take seconds, and an ADD has to wait for some of them.
const maxChecked = 200_000

// findings returns what verify finds about the networks of the last report, which is r.
func (o *observer) findings(r report.Report) ([]report.Finding, error) {
	quiet := *o.tool
	quiet.errs, quiet.reportProblems = io.Discard, len(o.names) == 0
	if _, err := quiet.networks(o.names); err != nil {
		return nil, err
	}
	var some []network
	var unchecked []finding
	for i, n := range r.Networks {
		if n.Total+n.EndedAll <= maxChecked {
			some = append(some, o.networksSeen[i])
			continue
		}
		unchecked = append(unchecked, finding{Network: n.Name, Note: true, Finding: fmt.Sprintf(
			"the store was not checked, because it is large; to check it: leasehold%s verify %s", o.sameFlags(), shell.Quote(n.Name))})
	}
	found, failed := quiet.checkStores(o.cmd, some, verifyFlags{})
	ofNode, err := quiet.nodeFindings(o.cmd, o.networksSeen, len(o.names) > 0)
	var all []report.Finding
	for _, f := range slices.Concat(found, ofNode, unchecked) {
		all = append(all, report.Finding{Network: f.Network, Text: f.Finding, Note: f.Note})
	}
	return all, errors.Join(failed, err)
}
