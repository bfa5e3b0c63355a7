package everycall

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// it is the container that a command is about.
const it = "it"

// A scenario is a command, and what there is before it.
type scenario struct {
	name    string
	command string // of the plugin, or migrate
	prepare func(faulttest.Network) error
	effect  effect
	keys    map[string]any // of "ipam"
}

// migrate is the command of the tool that is in a scenario.
const migrate = "migrate"

// An effect is what a command does to the leases: all of it, or nothing.
type effect struct {
	adds     bool     // it gets addresses
	releases []string // the containers that lose theirs, if they have any
}

// scenarios returns the commands in the states in which they do different things.
func scenarios(backend string) []scenario {
	list := []scenario{
		{"ADD to no store", "ADD", none, effect{adds: true}, nil},
		{"ADD", "ADD", used, effect{adds: true}, nil},
		{"DEL", "DEL", also(used, held), effect{releases: []string{it}}, nil},
		{"DEL of nothing", "DEL", used, effect{}, nil},
		{"DEL from no store", "DEL", none, effect{}, nil},
		{"CHECK", "CHECK", also(used, held), effect{}, nil},
		{"GC", "GC", also(used, held), effect{releases: []string{"two", it}}, nil},
		{"STATUS", "STATUS", used, effect{}, nil},
		{"STATUS of no store", "STATUS", none, effect{}, nil},
		{migrate, migrate, also(used, held), effect{}, nil},
	}
	if backend == config.Bolt { // Lease files do not say in which boot they were made.
		list = append(list, scenario{"ADD after a reboot", "ADD", also(used, rebooted), effect{true, []string{"one", "two"}}, nil})
	}
	return list
}

func none(faulttest.Network) error { return nil }

// used leaves two containers, and the traces of one that has gone.
func used(n faulttest.Network) error {
	for _, id := range []string{"one", "gone", "two"} {
		if _, err := n.Add(id); err != nil {
			return err
		}
	}
	return n.Del("gone")
}

func held(n faulttest.Network) error { _, err := n.Add(it); return err }

func rebooted(n faulttest.Network) error { return n.Reboot(context.Background()) }

func also(first, then func(faulttest.Network) error) func(faulttest.Network) error {
	return func(n faulttest.Network) error { return errors.Join(first(n), then(n)) }
}

// writes reports whether the command has anything to change.
func (s scenario) writes() bool {
	return s.effect.adds || s.effect.releases != nil || s.command == migrate
}

// more returns what the command is told besides the configuration.
func (s scenario) more(before faulttest.Holding) map[string]any {
	switch s.command {
	case "CHECK":
		return faulttest.PrevResult(before[it])
	case "GC":
		return faulttest.Attachments("one")
	}
	return nil
}

// done reports whether a container that had these addresses can have those after the
// command.
func (e effect) done(id string, before, now []netip.Addr) bool {
	switch {
	case e.adds && id == it:
		return now != nil
	case slices.Contains(e.releases, id):
		return now == nil
	}
	return slices.Equal(before, now)
}
