package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/stores"
)

func (t *tool) whyFullCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "why-full NETWORK",
		Short: "Say what fills a network's ranges, and what to do about it",
		Long: `Say what fills the ranges of a network: leases by age, those dated before this
machine started, which no container can hold any more unless a clock was wrong,
those that a crash has torn, what is excluded, and which containers hold most;
and which command to run next.

As JSON: an object with the keys network, store, sets (as usage has them),
leases, ages (an array of {olderThan, leases}, olderThan in seconds),
beforeBoot (dated before this machine started), beforeSameBoot (of these, with
the present boot ID), anotherBoot (with another ID, not dated before), torn,
outside (leases in no range), most (an array of {containerID, leases}) and next
(commands).`,
		Args: cli.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return t.whyFull(cmd, args[0]) },
	}
}

// A fullness is what fills a network. The keys are stable.
type fullness struct {
	Network        string     `json:"network"`
	Store          string     `json:"store"`
	Sets           []usageRow `json:"sets"`
	Leases         int        `json:"leases"`
	Ages           []ageCount `json:"ages"`
	BeforeBoot     int        `json:"beforeBoot"`     // dated before this machine started
	BeforeSameBoot int        `json:"beforeSameBoot"` // of these, with the present boot ID
	AnotherBoot    int        `json:"anotherBoot"`    // with another boot ID, and not dated before
	Torn           int        `json:"torn"`
	Outside        int        `json:"outside"`
	Most           []holding  `json:"most"`
	Next           []string   `json:"next"`

	list string // the command that prints what is in use
}

// An ageCount counts leases that are older than a time, and younger than that of the
// one before it.
type ageCount struct {
	OlderThan int64 `json:"olderThan"` // seconds
	Leases    int   `json:"leases"`
}

// A holding is how many leases a container has.
type holding struct {
	ContainerID string `json:"containerID"`
	Leases      int    `json:"leases"`
}

const day = 24 * time.Hour

func (t *tool) whyFull(cmd *cobra.Command, name string) error {
	n, err := t.network(name)
	if err != nil {
		return err
	}
	f, err := t.fullness(cmd, n)
	if err != nil {
		return t.inNetwork(n, err)
	}
	if t.output == "json" {
		return t.writeJSON(f)
	}
	t.tellFullness(f)
	return nil
}

func (t *tool) fullness(cmd *cobra.Command, n network) (fullness, error) {
	f := fullness{Network: n.name, Sets: []usageRow{}, Most: []holding{}, Next: []string{}}
	var err error
	if f.Store, err = n.kind(); err != nil {
		return f, err
	}
	usages, err := t.usageOf(cmd, n)
	if err != nil {
		return f, err
	}
	for _, u := range usages {
		f.Sets = append(f.Sets, newUsageRow(n, u))
	}
	if len(usages) == 0 {
		t.tellNoRanges(n)
	}
	leases, err := t.allLeases(cmd, n)
	if err != nil {
		return f, err
	}
	f.count(n, leases, t.now(), boot.Current())
	f.list = listCommand(n, leases)
	f.Next = f.next("leasehold"+t.sameFlags(), n)
	return f, nil
}

// count sorts the leases by what they tell.
func (f *fullness) count(n network, leases []backend.Lease, now time.Time, present allocator.Boot) {
	f.Leases = len(leases)
	f.Ages = []ageCount{{int64(7 * day / time.Second), 0}, {int64(day / time.Second), 0}, {3600, 0}, {0, 0}}
	held := make(map[string]int)
	for _, l := range leases {
		held[l.Owner.ContainerID]++
		f.countBoot(l, present)
		if l.Owner.IsZero() {
			f.Torn++
		}
		if !n.contains(l.Addr) {
			f.Outside++
		}
		i := slices.IndexFunc(f.Ages, func(a ageCount) bool { return int64(now.Sub(l.Since)/time.Second) >= a.OlderThan })
		if !l.Since.IsZero() {
			f.Ages[max(i, 0)].Leases++
		}
	}
	delete(held, "")
	f.most(held)
}

// countBoot goes by the time of a lease: its boot ID can be one that only a container
// sees, or the same in every boot. Where the two contradict each other is counted too.
func (f *fullness) countBoot(l backend.Lease, present allocator.Boot) {
	named := l.Boot != "" && present.ID != ""
	switch before := present.StartedAfter(l); {
	case before:
		f.BeforeBoot++
		if named && l.Boot == present.ID {
			f.BeforeSameBoot++
		}
	case named && l.Boot != present.ID:
		f.AnotherBoot++
	}
}

// most keeps the containers that hold more than one address for each range set.
func (f *fullness) most(held map[string]int) {
	const shown = 5
	for id, leases := range held {
		if leases > max(1, len(f.Sets)) {
			f.Most = append(f.Most, holding{id, leases})
		}
	}
	slices.SortFunc(f.Most, func(a, b holding) int {
		return cmp.Or(cmp.Compare(b.Leases, a.Leases), cmp.Compare(a.ContainerID, b.ContainerID))
	})
	f.Most = f.Most[:min(len(f.Most), shown)]
}

// full reports whether a range set is nearly full.
func (f *fullness) full() bool {
	return slices.ContainsFunc(f.Sets, func(s usageRow) bool { return s.used() > nearlyFull })
}

// next returns the commands that can make room, the safest first.
func (f *fullness) next(tool string, n network) []string {
	var next []string
	if f.Torn > 0 {
		next = append(next, tool+" verify --repair "+n.name)
	}
	if f.Leases > f.Torn {
		next = append(next, f.list+" | "+tool+" gc "+n.name+" --valid - --dry-run")
	}
	return next
}

func (t *tool) tellFullness(f fullness) {
	say := func(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }
	store := f.Store + " store"
	if f.Store == stores.None {
		store = "no store yet"
	}
	say("%s (%s): %s", f.Network, store, count(f.Leases, "lease"))
	for _, s := range f.Sets {
		say("  %s", s.Ranges)
		say("    %s", bar(s.used()))
		say("    %s addresses: %s leased, %s free, %s excluded or gateway", amount(s.Size), amount(s.Leased), amount(s.Free), amount(s.Excluded))
	}
	if f.Leases > 0 {
		say("  by age")
		for i, label := range []string{"over 7 days", "1 to 7 days", "1 hour to 1 day", "under 1 hour"} {
			say("    %-16s %6d", label, f.Ages[i].Leases)
		}
	}
	t.tellLeaks(f)
	if len(f.Next) > 0 {
		say("  next")
		for _, c := range f.Next {
			say("    %s", c)
		}
	}
}

// tellLeaks says which leases nobody can be using.
func (t *tool) tellLeaks(f fullness) {
	say := func(format string, args ...any) { fmt.Fprintf(t.out, "  "+format+"\n", args...) }
	if f.BeforeBoot > f.BeforeSameBoot {
		say("%d dated before this machine started: their containers are gone", f.BeforeBoot-f.BeforeSameBoot)
		say("  gc releases them; the bolt store does so by itself with the leases it has made")
	}
	if f.BeforeSameBoot > 0 {
		say("%d dated before this machine started, and of this boot by ID or file: copied or", f.BeforeSameBoot)
		say("  imported, the clock was set, or the machine keeps its ID; gc releases those not in use")
	}
	if f.AnotherBoot > 0 {
		say("%d with another boot ID, and not dated before this machine started: is it a", f.AnotherBoot)
		say("  container's view of the ID (systemd-nspawn, LXC)? gc releases those not in use")
	}
	if f.Torn > 0 {
		say("%d torn by a crash: nobody knows whose they were", f.Torn)
	}
	if f.Outside > 0 {
		say("%d in no range of the configuration", f.Outside)
	}
	for _, h := range f.Most {
		say("%d held by one container: %s", h.Leases, cli.Printable(h.ContainerID))
	}
	switch {
	case f.Leases == 0 || f.BeforeBoot+f.Torn > 0:
	case f.full():
		say("none is known to be left over; if all of these containers run, the ranges are too small")
	default:
		say("none is known to be left over")
	}
}
