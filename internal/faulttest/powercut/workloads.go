//go:build linux

package powercut

import (
	"fmt"
	"time"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/stores"
)

// A Workload is what happens before the power cut.
type Workload struct {
	Name     string
	network  faulttest.Network
	before   []string // containers with leases in a synced store
	steps    []step
	migrates bool // the store is migrated
}

// size is the number of addresses of each family, more than are ever held.
const size = 8

// Workloads returns the workloads for a kind of store. If long is set, they do more of the
// same.
func Workloads(kind string, long bool) []Workload {
	all := []Workload{
		creation(kind, false), creation(kind, true),
		interruptedCreation(kind), migration(kind), interruptedMigration(kind, long),
	}
	all = append(all, killedAddsAndDels(kind, long)...)
	if kind == config.Bolt {
		all = append(all, sharedTransactions(long), cooling(kind), preferred(kind))
	}
	return append(all, ordinaryUse(kind, long)) // last: makes up for missing images of the others
}

func network(kind string, dual bool) faulttest.Network {
	return faulttest.Network{Backend: kind, Dual: dual, Size: size}
}

func creation(kind string, dual bool) Workload {
	w := Workload{
		Name: kind + ": creation, single stack", network: network(kind, dual),
		steps: []step{add("one"), add("two"), del("one")},
	}
	if dual {
		w.Name = kind + ": creation, dual stack"
	}
	return w
}

// ordinaryUse replaces all leases.
func ordinaryUse(kind string, long bool) Workload {
	w := Workload{
		Name: kind + ": ADD, DEL and GC", network: network(kind, true),
		before: []string{"one", "two", "three"},
	}
	rounds := 1
	if long {
		rounds = 800
	}
	held := w.before
	for i := range rounds {
		first, second := fmt.Sprint("first", i), fmt.Sprint("second", i)
		w.steps = append(w.steps, add(first), del(held[0]), add(second), gc(held[1], first), syncEverything)
		held = []string{held[1], first}
	}
	return w
}

// cooling ends leases whose addresses cool, and leases all of the others and some of those.
func cooling(kind string) Workload {
	w := Workload{
		Name: kind + ": cooling addresses", network: network(kind, true).With("reuseAfter", "1h"), before: []string{"one", "two"},
		steps: []step{killAtEach(syncs(), func(k kill) step { return interruptedDel("one", k) }, del("one"), add("one"))},
	}
	for i := range size {
		w.steps = append(w.steps, add(fmt.Sprint("more", i)), del(fmt.Sprint("more", i)))
	}
	return w
}

// preferred ends leases of pods that come back, which are given the addresses that they had.
func preferred(kind string) Workload {
	w := Workload{
		Name: kind + ": preferred addresses", network: network(kind, true).With("prefer", "pod"), before: []string{"one", "two"},
		steps: []step{killAtEach(syncs(), func(k kill) step { return interruptedDel("one", k) }, del("one"), add("one"))},
	}
	for i := range size {
		again := fmt.Sprint("again", i%3)
		w.steps = append(w.steps, add(again), del(again))
	}
	return w
}

// interruptedCreation kills the process that creates the store: at several first syncs, and
// then at each change and sync. The next process finds the unsynced changes.
func interruptedCreation(kind string) Workload {
	adds := func(k kill) step { return interruptedAdd("killed", k) }
	atFirstSync := func() step { return killed(adds(atNth(1, "fsync", "fdatasync"))) }
	return Workload{
		Name: kind + ": killed creation", network: network(kind, false),
		steps: []step{
			atFirstSync(), atFirstSync(), atFirstSync(), add("one"), del("one"),
			killAtEach(changesAndSyncs(), adds, del("killed")), add("two"),
		},
	}
}

// killedAddsAndDels kills ADDs and DELs. They are then repeated, or another container is
// added and deleted.
func killedAddsAndDels(kind string, long bool) []Workload {
	adds := func(k kill) step { return interruptedAdd("killed", k) }
	dels := func(k kill) step { return interruptedDel("one", k) }
	at := syncs()
	if long {
		at = changesAndSyncs()
	}
	of := func(name string, s step) Workload {
		return Workload{
			Name: kind + ": " + name, network: network(kind, true), before: []string{"one", "two"}, steps: []step{s},
		}
	}
	all := []Workload{
		of("killed ADD, again", killAtEach(at, adds, addAgain("killed"), del("killed"))),
		of("killed DEL, and another", killAtEach(at, dels, add("next"), del("next"), del("one"), add("one"))),
	}
	if long {
		all = append(all,
			of("killed ADD, and another", killAtEach(at, adds, add("next"), del("next"), del("killed"))),
			of("killed DEL, again", killAtEach(at, dels, del("one"), add("one"))),
		)
	}
	return all
}

func migration(kind string) Workload {
	return Workload{
		Name: kind + ": migration there and back", network: network(kind, true), migrates: true,
		before: []string{"one", "two", "three"},
		steps:  []step{migrateTo(otherKind(kind)), add("four"), del("one"), migrateTo(kind), add("five")},
	}
}

func otherKind(kind string) string {
	if kind == config.Files {
		return config.Bolt
	}
	return config.Files
}

// interruptedMigration kills migrations and repeats them.
func interruptedMigration(kind string, long bool) Workload {
	w := Workload{
		Name: kind + ": killed migrations", network: network(kind, true), migrates: true,
		before: []string{"one", "two"},
	}
	there := func(k kill) step { return interruptedMigrate(otherKind(kind), k) }
	back := func(k kill) step { return interruptedMigrate(kind, k) }
	if long {
		w.steps = []step{
			killAtEach(changesAndSyncs(), there, add("next"), migrateTo(otherKind(kind)), del("next"), migrateTo(kind), syncEverything),
		}
		return w
	}
	w.steps = []step{
		killed(there(atNth(1, "renameat2"))), add("three"), migrateTo(otherKind(kind)), // before the exchange
		killed(back(atSyncAfterExchange())), add("four"), migrateTo(kind),
	}
	return w
}

// AfterReboot returns workloads for programs that believe that the machine has just been
// booted (testdata/next-boot.patch): the first ADD releases all leases.
func AfterReboot(kind string) []Workload {
	w := Workload{
		Name: kind + ": release after a reboot", network: network(kind, true).With("onReboot", "release"),
		before: []string{"one", "two"},
	}
	adds := func(k kill) step { return withReleaseOf(w.before, interruptedAdd("killed", k)) }
	// Times are compared with the start of a boot in whole seconds.
	wait := func(*recorder) error { time.Sleep(time.Second); return nil }
	w.steps = []step{wait, killAtEach(syncs(), adds, del("killed")), add("three")}
	return []Workload{w}
}

// sharedTransactions has Updates that share a transaction.
func sharedTransactions(long bool) Workload {
	o := goroutinesConfig{Members: 16, Rounds: 2}
	if long {
		o.Rounds = 8
	}
	w := Workload{Name: "bolt: shared transactions", network: network(config.Bolt, true), before: []string{"one"}}
	w.network.Size = 2*o.Members + size // each goroutine holds at most two
	w.steps = []step{goroutines(o)}
	return w
}

// migrateTarget returns the kind of store to which the image with this number is migrated,
// or none.
func (w Workload) migrateTarget(number int) string {
	switch {
	case !w.migrates:
		return stores.None
	case number%2 == 0:
		return config.Files
	}
	return config.Bolt
}
