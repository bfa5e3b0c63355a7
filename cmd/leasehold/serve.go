package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/flock"
	"github.com/leasehold/leasehold/internal/report"
	"github.com/leasehold/leasehold/internal/report/live"
	"github.com/leasehold/leasehold/internal/report/page"
)

// checkInterval is how often a live report checks stores and configurations, which takes longer
// than reading the leases.
const checkInterval = 5 * time.Minute

func (t *tool) serveCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve [NETWORK…]",
		Short: "Show the page of report live, in a browser",
		Long: `Serve the page of report, and refresh it every few seconds. It is read-only, and
asks for no password: every user of this machine can connect to a port on it,
and sees the names of pods and containers.

By default only this machine can connect. To look from another one:

  ssh -L 8099:127.0.0.1:8099 node1 sudo leasehold serve

and open http://127.0.0.1:8099/ there. If other machines can connect to the
address in --listen, serve prints a warning.

A browser has to ask for an IP address or for localhost; other names, which a
web site could make point to this machine, are refused unless --name gives them.

The networks are read only while a browser asks, at most every two seconds and
for a tenth of the time, in which waiting for a lock does not count. Stores and
configurations are checked every five minutes, unless --no-verify is set.`,
		Example:     "  leasehold serve\n  leasehold serve podnet --listen 127.0.0.1:9000",
		Annotations: map[string]string{fixedFormat: "an HTML page"},
		RunE:        func(cmd *cobra.Command, names []string) error { return t.serve(cmd, names, f) },
	}
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:8099", "address and port to listen on; with port 0 a free one")
	c.Flags().StringArrayVar(&f.names, "name", nil, "a name by which browsers reach this machine; can be repeated")
	c.Flags().BoolVar(&f.noVerify, "no-verify", false, "do not check stores and configurations")
	return c
}

type serveFlags struct {
	listen   string
	names    []string
	noVerify bool
}

func (t *tool) serve(cmd *cobra.Command, names []string, f serveFlags) error {
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	ctx, waited := flock.Timed(ctx)
	cmd.SetContext(ctx)
	p, err := page.New()
	if err != nil {
		return err
	}
	o := &observer{tool: t, cmd: cmd, names: names, checks: !f.noVerify}
	if _, err := t.networks(names); err != nil {
		return err
	}
	l, onlyHere, err := live.Listen(f.listen)
	if err != nil {
		return err
	}
	if !onlyHere {
		t.warn("other machines can connect to %s, and see the names of pods and containers without a password; to let only this one: --listen 127.0.0.1:8099", l.Addr())
	}
	s := live.Server{Policy: p.Policy(true), Waited: waited, Write: func(ctx context.Context, b *bytes.Buffer) error {
		r, err := o.again(ctx)
		if err != nil {
			return err
		}
		return p.Write(b, r, true)
	}}
	for _, name := range f.names {
		s.Names = append(s.Names, strings.ToLower(name))
	}
	fmt.Fprintf(t.out, "http://%s/\n", l.Addr())
	return s.Serve(ctx, l)
}

// again makes a report with findings that can be as old as checkInterval.
func (o *observer) again(ctx context.Context) (report.Report, error) {
	r, err := o.observe(ctx)
	if err != nil || !o.checks {
		return r, err
	}
	if o.checked.IsZero() || r.At.Sub(o.checked) > checkInterval || r.At.Before(o.checked) {
		o.found, o.checkFailed = o.findings(r)
		o.checked = r.At
	}
	r.Findings, r.Checked = o.found, o.checked
	if o.checkFailed != nil {
		r.Warnings = append(r.Warnings, "not all was checked: "+o.checkFailed.Error())
	}
	return r, nil
}
