package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/flock"
	"github.com/leasehold/leasehold/internal/top"
)

func (t *tool) topCommand() *cobra.Command {
	var interval time.Duration
	c := &cobra.Command{
		Use:   "top [NETWORK…]",
		Short: "Watch the networks in a terminal",
		Long: `Watch the networks named, or all, in a terminal: how full the range sets are,
and of the selected one the map, the leases, or the leases that have ended.

  ↑ ↓         select a range set
  Tab         map, leases, history; also m, l and h
  /           show only leases with this in their address, pod or container
  PgDn, PgUp  scroll
  Esc         show all leases again
  space       pause
  q, Ctrl-C   quit

It reads for at most a tenth of the time, in which waiting for a lock does not
count: large networks are refreshed less often than --interval says. It changes
nothing. NO_COLOR leaves out the colours, which only repeat what the characters
say.`,
		Annotations: map[string]string{fixedFormat: "to a terminal"},
		RunE:        func(cmd *cobra.Command, names []string) error { return t.top(cmd, names, interval) },
	}
	cli.DurationVar(c.Flags(), &interval, "interval", 2*time.Second, "how often to refresh")
	return c
}

func (t *tool) top(cmd *cobra.Command, names []string, interval time.Duration) error {
	if interval < 100*time.Millisecond {
		return fmt.Errorf("--interval %v: want at least 100ms", interval)
	}
	if !cli.IsTerminal(t.in) || !cli.IsTerminal(t.out) {
		return errors.New("top needs a terminal; without one, use: leasehold usage")
	}
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	if _, err := t.networks(names); err != nil {
		return err
	}
	ctx, waited := flock.Timed(ctx)
	screen, err := top.NewScreen()
	if err == nil {
		err = screen.Init()
	}
	if err != nil {
		return fmt.Errorf("this terminal cannot be used (TERM=%s): %w; use: leasehold usage", t.getenv("TERM"), err)
	}
	o := &observer{tool: t, cmd: cmd, names: names}
	return top.Run(ctx, screen, top.Options{Observe: o.observe, Interval: interval, Waited: waited, Colours: t.getenv("NO_COLOR") == ""})
}
