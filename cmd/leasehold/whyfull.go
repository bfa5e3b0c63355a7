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
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/stores"
)

func (t *tool) whyFullCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "why-full NETWORK",
		Short: "Show what fills the ranges of a network, and what to do next",
		Long: `Show what fills the ranges of a network, and which command to run next: leases
by age, leases dated before this machine started (whose containers are gone,
unless a clock was wrong), torn leases, leases outside the ranges, excluded
addresses, and the containers that hold the most addresses. It says when a range
set will be full, where the history gives reason to, as "leasehold usage" does,
and when the next address can be leased if "reuseAfterStrict" withholds all that
are not leased.

As JSON: an object with the keys network, store, sets (an array like the output
of usage), leases, ages (an array of {olderThan, leases}, olderThan in seconds),
beforeBoot (dated before this machine started), beforeSameBoot (of these, with
the present boot ID), anotherBoot (with another boot ID, but not dated before),
torn, outside (leases in no range), most (an array of {containerID, leases})
and next (commands).`,
		Args: cli.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return t.whyFull(cmd, args[0]) },
	}
}

// A fullness is the JSON output of why-full. The keys are stable.
type fullness struct {
	Network        string     `json:"network"`
	Store          string     `json:"store"`
	Sets           []usageRow `json:"sets"`
	Leases         int        `json:"leases"`
	Ages           []ageCount `json:"ages"`
	BeforeBoot     int        `json:"beforeBoot"`     // dated before this machine started
	BeforeSameBoot int        `json:"beforeSameBoot"` // of these, with the present boot ID
	AnotherBoot    int        `json:"anotherBoot"`    // with another boot ID, but not dated before
	Torn           int        `json:"torn"`
	Outside        int        `json:"outside"`
	Most           []holding  `json:"most"`
	Next           []string   `json:"next"`

	releasing  bool // whether an ADD releases leases of earlier boots
	endedByADD int  // how many leases it takes for such
}

// An ageCount counts the leases older than OlderThan that no earlier ageCount has counted.
type ageCount struct {
	OlderThan int64 `json:"olderThan"` // seconds
	Leases    int   `json:"leases"`
}

// A holding is the number of leases that a container has.
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
	t.printFullness(f)
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
	if len(usages) == 0 {
		t.warnNoRanges(n)
	}
	leases, err := t.allLeases(cmd, n)
	if err != nil {
		return f, err
	}
	rows, err := t.usageRows(cmd, n, usages, func() ([]backend.Lease, error) { return leases, nil })
	if err != nil {
		t.warn("%s: there is no forecast: %v", n.name, err)
	}
	if err := t.addWithheld(cmd, n, usages, rows); err != nil {
		return f, err
	}
	f.Sets = append(f.Sets, rows...)
	f.addLeases(n, leases, t.now(), boot.Current())
	f.releasing = n.releasesOnReboot(f.Store)
	if f.endedByADD, err = t.endedByADD(cmd, n, leases, boot.Current()); err != nil {
		return f, err
	}
	tool := "leasehold" + t.sameFlags()
	f.Next = f.nextCommands(tool, n, gcCommand(tool, n, leases))
	return f, nil
}

// endedByADD returns how many of the leases an ADD that searches for leases of earlier boots takes for such.
func (t *tool) endedByADD(cmd *cobra.Command, n network, leases []backend.Lease, present allocator.Boot) (count int, err error) {
	ctx, cancel := t.lockContext(cmd)
	defer cancel()
	err = t.glance(n).View(ctx, func(tx backend.ReadTx) error {
		last, err := tx.LastSearch()
		for _, l := range leases {
			if present.Ended(l, last) {
				count++
			}
		}
		return err
	})
	return count, err
}

// releasesOnReboot reports whether a configuration of the network has ADDs release the leases of earlier
// boots from a store of that kind, or without one the default does.
func (n network) releasesOnReboot(kind string) bool {
	known := false
	for _, c := range n.confs {
		if c.Config != nil && c.Config.OnReboot.Releases(kind) {
			return true
		}
		known = known || c.Config != nil
	}
	return !known && config.Reboot("").Releases(kind)
}

// addLeases counts the leases of the network.
func (f *fullness) addLeases(n network, leases []backend.Lease, now time.Time, present allocator.Boot) {
	f.Leases = len(leases)
	f.Ages = []ageCount{{int64(7 * day / time.Second), 0}, {int64(day / time.Second), 0}, {3600, 0}, {0, 0}}
	byContainer := make(map[string]int)
	for _, l := range leases {
		byContainer[l.Owner.ContainerID]++
		f.countBoot(l, present)
		if l.Owner.IsZero() {
			f.Torn++
		}
		if !n.contains(l.Addr) {
			f.Outside++
		}
		f.countAge(l, now)
	}
	delete(byContainer, "")
	f.setMost(byContainer)
}

// countAge leaves out a lease without a time. One dated ahead of the clock, which was set back since, is
// new, as in the metrics.
func (f *fullness) countAge(l backend.Lease, now time.Time) {
	if l.Since.IsZero() {
		return
	}
	age := int64(max(now.Sub(l.Since), 0) / time.Second)
	f.Ages[slices.IndexFunc(f.Ages, func(a ageCount) bool { return age >= a.OlderThan })].Leases++
}

// countBoot goes by the time of a lease, because only a container may see the boot ID, and
// on some machines it is the same in every boot. Leases whose time and boot ID contradict each
// other are counted too.
func (f *fullness) countBoot(l backend.Lease, present allocator.Boot) {
	named := l.Boot != "" && present.ID != ""
	switch {
	case present.SeemsEarlier(l):
		f.BeforeBoot++
	case present.StartedAfter(l):
		f.BeforeBoot++
		f.BeforeSameBoot++
	case named && l.Boot != present.ID:
		f.AnotherBoot++
	}
}

// setMost sets Most to the containers that hold more than one address per range set.
func (f *fullness) setMost(byContainer map[string]int) {
	const maxShown = 5
	for id, leases := range byContainer {
		if leases > max(1, len(f.Sets)) {
			f.Most = append(f.Most, holding{id, leases})
		}
	}
	slices.SortFunc(f.Most, func(a, b holding) int {
		return cmp.Or(cmp.Compare(b.Leases, a.Leases), cmp.Compare(a.ContainerID, b.ContainerID))
	})
	f.Most = f.Most[:min(len(f.Most), maxShown)]
}

// full reports whether a range set is nearly full.
func (f *fullness) full() bool {
	return slices.ContainsFunc(f.Sets, func(s usageRow) bool { return s.used > nearlyFull })
}

// nextCommands returns the commands that can free addresses, the safest first.
func (f *fullness) nextCommands(tool string, n network, gc string) []string {
	var next []string
	if f.Torn > 0 {
		next = append(next, tool+" verify --repair "+n.word())
	}
	if f.Leases > f.Torn {
		next = append(next, gc)
	}
	return next
}

func (t *tool) printFullness(f fullness) {
	say := func(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }
	store := f.Store + " store"
	if f.Store == stores.None {
		store = "no store yet"
	}
	say("%s (%s): %s", f.Network, store, count(f.Leases, "lease"))
	for _, s := range f.Sets {
		say("  %s", s.Ranges)
		say("    %s", bar(s.used))
		cooling, notHeld := "", ""
		if s.Cooling > 0 {
			cooling = formatAmount(s.Cooling) + " cooling since their release, "
		}
		if s.NotHeld > 0 {
			notHeld = formatAmount(s.NotHeld) + " not held by this host, "
		}
		say("    %s addresses: %s leased, %s%s free, %s%s excluded or gateway", formatAmount(s.Size), formatAmount(s.Leased),
			cooling, formatAmount(s.Free), notHeld, formatAmount(s.Excluded))
		if text := s.forecast.String(); text != "" {
			say("    %s", text)
		}
		if s.WithheldUntil != "" {
			say("    \"reuseAfterStrict\" withholds what is cooling: the next address can be leased at %s;", s.WithheldUntil)
			say("    for earlier ones, shorten \"reuseAfter\" or remove \"reuseAfterStrict\" in ipam")
		}
	}
	if f.Leases > 0 {
		say("  by age")
		for i, label := range []string{"over 7 days", "1 to 7 days", "1 hour to 1 day", "under 1 hour"} {
			say("    %-16s %6d", label, f.Ages[i].Leases)
		}
	}
	t.printLeaks(f)
	if len(f.Next) > 0 {
		say("  next")
		for _, c := range f.Next {
			say("    %s", c)
		}
	}
}

// printLeaks prints which leases are probably not in use.
func (t *tool) printLeaks(f fullness) {
	say := func(format string, args ...any) { fmt.Fprintf(t.out, "  "+format+"\n", args...) }
	if f.BeforeBoot > f.BeforeSameBoot {
		say("%d dated before this machine started: their containers are gone", f.BeforeBoot-f.BeforeSameBoot)
		switch gone := f.BeforeBoot - f.BeforeSameBoot; {
		case !f.releasing:
			say("  gc releases them; an ADD does only with \"onReboot\": \"release\" in ipam")
		case f.endedByADD == 0:
			say("  gc releases them; no ADD does: the store does not know their boot")
		case f.endedByADD < gone:
			say("  gc releases them, and the next ADDs %d of them; of the others the store does not know the boot", f.endedByADD)
		default:
			say("  gc releases them, and so do the next ADDs")
		}
	}
	if f.BeforeSameBoot > 0 {
		say("%d dated before this machine started, but with the present boot ID: copied or", f.BeforeSameBoot)
		say("  imported, the clock was set, or the ID never changes; gc releases the unused ones")
	}
	if f.AnotherBoot > 0 {
		say("%d with another boot ID, but not dated before this machine started: made in a", f.AnotherBoot)
		say("  container with its own boot ID (systemd-nspawn, LXC)? gc releases the unused ones")
	}
	if f.Torn > 0 {
		say("%d torn by a crash: their owners are not known", f.Torn)
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
		say("no lease is known to be orphaned; if all containers are running, the ranges are too small")
	default:
		say("no lease is known to be orphaned")
	}
}
