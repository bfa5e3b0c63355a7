package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/shell"
)

func (t *tool) usageCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "usage [NETWORK…]",
		Short: "Show how full the range sets of networks are",
		Long: `Show how full the range sets of networks are. SIZE is the number of addresses in
the ranges, EXCLUDED counts gateways and excluded addresses, LEASED and FREE
count the others, and RUN is the largest number of consecutive free addresses.
COOLING, shown if there are any, counts addresses that were released less than
"reuseAfter" ago, or were and have not been needed since. NOT HELD, shown for
ranges that hosts share, counts addresses that this host can lease only after it
has claimed them; other hosts can hold them.

Warnings are printed for sets that are more than 80 % leased, for leases of
excluded addresses or the gateway (which LEASED does not count), and for
problems in the configurations of the networks; and for sets without an address
that can be leased because "reuseAfterStrict" withholds what was released.

So is a forecast, "full in about 3 h at the rate of the last hour", where the
history of a bolt store gives reason for one: the leases have become more by a
number that is not mere chance, and were never so many in the day before. If the
last hour says nothing, the last day can. No forecast does not mean that a pool
will not be full.

The ranges come from the configurations (--conf-dir, --conf). Networks without a
configuration are not shown.

As JSON: an array of objects with the keys network, set (its index), ranges,
size, excluded, leased, cooling, free, notHeld, largestFreeRun, excludedLeased
(numbers; 18446744073709551615 means that many or more), largestFree (the run
itself; empty if none), fullIn and fullInWindow (the forecast, and how long its
rate was observed, both in seconds; null without one), withheldUntil (when the
next address can be leased, in RFC 3339; empty unless every address is leased or
withheld by "reuseAfterStrict").`,
		RunE: func(cmd *cobra.Command, names []string) error { return t.usage(cmd, names) },
	}
}

// A usageRow is the usage of a range set in the output. The keys are stable.
type usageRow struct {
	Network        string `json:"network"`
	Set            int    `json:"set"`
	Ranges         string `json:"ranges"`
	Size           uint64 `json:"size"`
	Excluded       uint64 `json:"excluded"`
	Leased         uint64 `json:"leased"`
	Free           uint64 `json:"free"`
	LargestFreeRun uint64 `json:"largestFreeRun"`
	LargestFree    string `json:"largestFree"`
	ExcludedLeased uint64 `json:"excludedLeased"`
	Cooling        uint64 `json:"cooling"`
	NotHeld        uint64 `json:"notHeld"`
	FullIn         *int64 `json:"fullIn"`        // seconds
	FullInWindow   *int64 `json:"fullInWindow"`  // seconds
	WithheldUntil  string `json:"withheldUntil"` // RFC 3339, UTC: see [tool.withheld]

	used     float64 // see [allocator.Usage.Used]
	forecast allocator.Forecast
}

func newUsageRow(n network, u allocator.Usage) usageRow {
	r := usageRow{
		Network: n.name, Set: u.Index, Ranges: u.Set.String(),
		Size: u.Size, Excluded: u.Withheld, Leased: u.Leased, Free: u.Free,
		ExcludedLeased: u.WithheldLeased, Cooling: u.Cooling, NotHeld: u.NotHeld, used: u.Used(),
	}
	if u.LargestFree != (allocator.Span{}) {
		r.LargestFreeRun, r.LargestFree = u.LargestFree.Size(), u.LargestFree.String()
	}
	return r
}

const nearlyFull = 0.8

func (t *tool) usage(cmd *cobra.Command, names []string) error {
	networks, err := t.networks(names)
	if err != nil {
		return err
	}
	rows := []usageRow{}
	var failed error
	for _, n := range networks {
		usages, err := t.usageOf(cmd, n)
		failed = errors.Join(failed, t.inNetwork(n, err))
		some, forecastErr := t.usageRows(cmd, n, usages, func() ([]backend.Lease, error) { return t.allLeases(cmd, n) })
		failed = errors.Join(failed, t.inNetwork(n, forecastErr), t.inNetwork(n, t.addWithheld(cmd, n, usages, some)))
		rows = append(rows, some...)
		if err == nil && len(usages) == 0 {
			t.warnNoRanges(n)
		}
	}
	if len(rows) == 0 && len(networks) > 0 && t.output != "json" {
		return failed // warnNoRanges has explained it.
	}
	return errors.Join(t.writeUsage(rows), t.warnOfConfigurations(networks), failed)
}

// warnOfConfigurations warns about problems in the configurations of networks, which can make
// the numbers misleading.
func (t *tool) warnOfConfigurations(networks []network) error {
	found, err := t.lint()
	for _, f := range found {
		i := slices.IndexFunc(networks, func(n network) bool { return f.About(n.name) })
		if i >= 0 && !f.Note {
			t.warn("%s: %s: %v", networks[i].name, filepath.Base(f.File), f)
		}
	}
	return err
}

// usageOf returns how full the range sets of a network are. Many leases are read in portions,
// so that plugins get the lock in between.
func (t *tool) usageOf(cmd *cobra.Command, n network) (all []allocator.Usage, err error) {
	store := t.readStoreInPortions(n)
	for _, p := range n.pools() {
		usages, err := p.ReadUsage(cmd.Context(), store)
		if err != nil {
			return nil, err
		}
		all = append(all, usages...)
	}
	return all, nil
}

// usageRows returns a row for each usage, also after an error, which only concerns the forecasts. held
// returns the leases of the network.
func (t *tool) usageRows(cmd *cobra.Command, n network, usages []allocator.Usage, held func() ([]backend.Lease, error)) (rows []usageRow, err error) {
	forecasts, err := allocator.ReadForecasts(cmd.Context(), t.readStoreInPortions(n), usages, t.now(), held)
	for i, u := range usages {
		r := newUsageRow(n, u)
		if err == nil && forecasts[i] != (allocator.Forecast{}) {
			in, window := int64(forecasts[i].In/time.Second), int64(forecasts[i].Window/time.Second)
			r.FullIn, r.FullInWindow, r.forecast = &in, &window, forecasts[i]
		}
		rows = append(rows, r)
	}
	return rows, err
}

func (t *tool) writeUsage(rows []usageRow) error {
	if t.output == "json" {
		return t.writeJSON(rows)
	}
	text := usageTable(rows, bar)
	if width := cli.Width(t.out); width > 0 && cli.Widest(text) > width {
		text = usageTable(rows, percentage)
	}
	_, err := io.WriteString(t.out, text)
	for _, r := range rows {
		if r.ExcludedLeased > 0 {
			t.warn("%s: not counted: %s of excluded addresses or the gateway in %s", r.Network, count(int(min(r.ExcludedLeased, 1e9)), "lease"), r.Ranges)
			t.printNext(fmt.Sprintf("leasehold%s verify %s", t.sameFlags(), shell.Quote(r.Network)))
		}
		if r.used > nearlyFull && r.NotHeld == 0 { // a host of several claims more
			t.warn("%s: %.0f %% of %s is leased", r.Network, math.Floor(100*r.used), r.Ranges)
			t.printNext(fmt.Sprintf("leasehold%s why-full %s", t.sameFlags(), shell.Quote(r.Network)))
		}
		if r.WithheldUntil != "" {
			t.warn("%s: no address of %s can be leased before %s: \"reuseAfterStrict\" withholds %s", r.Network, r.Ranges, r.WithheldUntil, formatAmount(r.Cooling))
			t.printNext(fmt.Sprintf("leasehold%s why-full %s", t.sameFlags(), shell.Quote(r.Network)))
		}
		if text := r.forecast.String(); text != "" {
			t.warn("%s: %s is %s", r.Network, r.Ranges, text)
		}
	}
	return err
}

func usageTable(rows []usageRow, used func(fraction float64) string) string {
	var b strings.Builder
	cools := slices.ContainsFunc(rows, func(r usageRow) bool { return r.Cooling > 0 })
	shared := slices.ContainsFunc(rows, func(r usageRow) bool { return r.NotHeld > 0 })
	head := []string{"NETWORK", "SIZE", "EXCLUDED", "LEASED", "FREE", "RUN", "USED", "RANGES"}
	const afterLeased, afterFree = 4, 5
	if shared {
		head = slices.Insert(head, afterFree, "NOT HELD")
	}
	if cools {
		head = slices.Insert(head, afterLeased, "COOLING")
	}
	w := cli.NewTable(&b, head...)
	for _, r := range rows {
		cells := []string{r.Network, formatAmount(r.Size), formatAmount(r.Excluded), formatAmount(r.Leased), formatAmount(r.Free),
			formatAmount(r.LargestFreeRun), used(r.used), r.Ranges}
		if shared {
			cells = slices.Insert(cells, afterFree, formatAmount(r.NotHeld))
		}
		if cools {
			cells = slices.Insert(cells, afterLeased, formatAmount(r.Cooling))
		}
		w.Row(cells...)
	}
	_ = w.Flush() // Writing to a Builder never fails.
	return b.String()
}

// bar draws a fraction as a bar with a percentage.
func bar(fraction float64) string {
	const cells = 10
	n := int(math.Round(fraction * cells))
	return strings.Repeat("█", n) + strings.Repeat("░", cells-n) + " " + percentage(fraction)
}

func percentage(fraction float64) string { return fmt.Sprintf("%3.0f%%", math.Floor(fraction*100)) }

// formatAmount formats a number of addresses. Numbers of IPv6 addresses are too long to read,
// so from 1e9 it uses an exponent.
func formatAmount(n uint64) string {
	if n >= 1e9 {
		return strings.Replace(fmt.Sprintf("%.1e", float64(n)), "e+", "e", 1)
	}
	return strconv.FormatUint(n, 10)
}
