//go:build linux

package powercut

import (
	"fmt"
	"time"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/stores"
)

// A Workload is what happens until power fails.
type Workload struct {
	Name    string
	network faulttest.Network
	before  []string // containers that hold leases, in a store that is synced
	steps   []step
	moves   bool // the store does not stay of one kind
}

// size is how many addresses the networks have, of each family: more than are ever held.
const size = 8

// Workloads returns what is done with a store of that kind. The long ones do more of the
// same.
func Workloads(kind string, long bool) []Workload {
	all := []Workload{
		creation(kind, false), creation(kind, true),
		interruptedCreation(kind), migration(kind), interruptedMigration(kind, long),
	}
	all = append(all, interrupted(kind, long)...)
	if kind == config.Bolt {
		all = append(all, shared(long))
	}
	return append(all, life(kind, long)) // which makes up for what the others have too few of
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

// life has nothing at its end of what was there at its beginning.
func life(kind string, long bool) Workload {
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
		w.steps = append(w.steps, add(first), del(held[0]), add(second), gc(held[1], first), aMinute)
		held = []string{held[1], first}
	}
	return w
}

// interruptedCreation kills whoever makes the store: at each first sync, and then at each
// change and sync. What was not synced is there for those who come after.
func interruptedCreation(kind string) Workload {
	adds := func(k kill) step { return interruptedAdd("killed", k) }
	atFirstSync := func() step { return killed(adds(atThe(1, "fsync", "fdatasync"))) }
	return Workload{
		Name: kind + ": killed creation", network: network(kind, false),
		steps: []step{
			atFirstSync(), atFirstSync(), atFirstSync(), add("one"), del("one"),
			killedAtEach(changesAndSyncs(), adds, del("killed")), add("two"),
		},
	}
}

// interrupted has processes killed, and what they have begun taken up again, or others
// go on with what they have left.
func interrupted(kind string, long bool) []Workload {
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
		of("killed ADD, again", killedAtEach(at, adds, addAgain("killed"), del("killed"))),
		of("killed DEL, and another", killedAtEach(at, dels, add("next"), del("next"), del("one"), add("one"))),
	}
	if long {
		all = append(all,
			of("killed ADD, and another", killedAtEach(at, adds, add("next"), del("next"), del("killed"))),
			of("killed DEL, again", killedAtEach(at, dels, del("one"), add("one"))),
		)
	}
	return all
}

func migration(kind string) Workload {
	return Workload{
		Name: kind + ": migration there and back", network: network(kind, true), moves: true,
		before: []string{"one", "two", "three"},
		steps:  []step{migrateTo(other(kind)), add("four"), del("one"), migrateTo(kind), add("five")},
	}
}

func other(kind string) string {
	if kind == config.Files {
		return config.Bolt
	}
	return config.Files
}

// interruptedMigration kills migrations, and takes them up again.
func interruptedMigration(kind string, long bool) Workload {
	w := Workload{
		Name: kind + ": killed migrations", network: network(kind, true), moves: true,
		before: []string{"one", "two"},
	}
	there := func(k kill) step { return interruptedMigrate(other(kind), k) }
	back := func(k kill) step { return interruptedMigrate(kind, k) }
	if long {
		w.steps = []step{
			killedAtEach(changesAndSyncs(), there, add("next"), migrateTo(other(kind)), del("next"), migrateTo(kind), aMinute),
		}
		return w
	}
	w.steps = []step{
		killed(there(atThe(1, "renameat2"))), add("three"), migrateTo(other(kind)), // before the exchange
		killed(back(afterTheExchange())), add("four"), migrateTo(kind),
	}
	return w
}

// NextBoot makes programs take any time for another boot of the machine than that of the
// tests: not a mistake, but planted in the same way.
func NextBoot() faulttest.Fault {
	return faulttest.Fault{
		File: "internal/boot/boot_linux.go",
		Old:  "return b\n",
		New:  "return allocator.Boot{ID: \"next\", Started: time.Now()}\n",
	}
}

// AfterReboot returns what is done by programs with [NextBoot]: the first ADD releases
// what is held.
func AfterReboot(kind string) []Workload {
	w := Workload{
		Name: kind + ": release after a reboot", network: network(kind, true).With("onReboot", "release"),
		before: []string{"one", "two"},
	}
	adds := func(k kill) step { return ending(w.before, interruptedAdd("killed", k)) }
	// The whole seconds of a time say whether it is before the start of a boot.
	wait := func(*recorder) error { time.Sleep(time.Second); return nil }
	w.steps = []step{wait, killedAtEach(syncs(), adds, del("killed")), add("three")}
	return []Workload{w}
}

// shared is of Updates that share a transaction.
func shared(long bool) Workload {
	o := crowdOrders{Members: 16, Rounds: 2}
	if long {
		o.Rounds = 8
	}
	w := Workload{Name: "bolt: shared transactions", network: network(config.Bolt, true), before: []string{"one"}}
	w.network.Size = 2*o.Members + size // each holds two at most
	w.steps = []step{aCrowd(o)}
	return w
}

// migratesOn returns to which kind of store the image of a number is to be migrated, if at
// all.
func (w Workload) migratesOn(number int) string {
	switch {
	case !w.moves:
		return stores.None
	case number%2 == 0:
		return config.Files
	}
	return config.Bolt
}
