package everycall

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// target is the container that the command is for.
const target = "it"

// A scenario is a command and the state before it.
type scenario struct {
	name    string
	command string // of the plugin, or migrate
	prepare func(faulttest.Network) error
	effect  effect
	keys    map[string]any // of "ipam"
}

// migrate is a command of leasehold; all others are of the plugin.
const migrate = "migrate"

// An effect is what a command does to the leases. It is done completely or not at all.
type effect struct {
	adds     bool     // the target gets addresses
	releases []string // these containers lose their addresses, if any
}

// scenarios returns each command in each state that makes a difference to it.
func scenarios(backend string) []scenario {
	list := []scenario{
		{"ADD to no store", "ADD", noStore, effect{adds: true}, nil},
		{"ADD", "ADD", usedStore, effect{adds: true}, nil},
		{"DEL", "DEL", inOrder(usedStore, addTarget), effect{releases: []string{target}}, nil},
		{"DEL of nothing", "DEL", usedStore, effect{}, nil},
		{"DEL from no store", "DEL", noStore, effect{}, nil},
		{"CHECK", "CHECK", inOrder(usedStore, addTarget), effect{}, nil},
		{"GC", "GC", inOrder(usedStore, addTarget), effect{releases: []string{"two", target}}, nil},
		{"STATUS", "STATUS", usedStore, effect{}, nil},
		{"STATUS of no store", "STATUS", noStore, effect{}, nil},
		{migrate, migrate, inOrder(usedStore, addTarget), effect{}, nil},
	}
	release := map[string]any{"onReboot": "release"}
	list = append(list, scenario{"ADD after a reboot", "ADD", inOrder(usedStore, reboot), effect{true, []string{"one", "two"}}, release})
	if backend == config.Bolt {
		list = append(list,
			scenario{"ADD of a cool address", "ADD", usedStore, effect{adds: true}, map[string]any{"reuseAfter": "1ns"}},
			scenario{"ADD of a pod that comes back", "ADD", inOrder(usedStore, inOrder(addTarget, deleteTarget)), effect{adds: true}, map[string]any{"prefer": "pod"}},
			scenario{"DEL of a pod", "DEL", inOrder(usedStore, addTarget), effect{releases: []string{target}}, map[string]any{"prefer": "pod"}},
			scenario{coolingDEL, "DEL", inOrder(usedStore, addTarget), effect{releases: []string{target}}, map[string]any{"reuseAfter": "1h"}},
		)
	}
	return list
}

// coolingDEL is a DEL after which addresses cool.
const coolingDEL = "DEL that makes addresses cool"

func noStore(faulttest.Network) error { return nil }

// usedStore leaves two containers and the traces of a deleted one.
func usedStore(n faulttest.Network) error {
	for _, id := range []string{"one", "gone", "two"} {
		if _, err := n.Add(id); err != nil {
			return err
		}
	}
	return n.Del("gone")
}

func addTarget(n faulttest.Network) error { _, err := n.Add(target); return err }

func deleteTarget(n faulttest.Network) error { return n.Del(target) }

func reboot(n faulttest.Network) error { return n.Reboot(context.Background()) }

func inOrder(first, then func(faulttest.Network) error) func(faulttest.Network) error {
	return func(n faulttest.Network) error { return errors.Join(first(n), then(n)) }
}

// changesStore reports whether the command has anything to change.
func (s scenario) changesStore() bool {
	return s.effect.adds || s.effect.releases != nil || s.command == migrate
}

// extraConfig returns the configuration keys that the command needs.
func (s scenario) extraConfig(before faulttest.Holding) map[string]any {
	switch s.command {
	case "CHECK":
		return faulttest.PrevResult(before[target])
	case "GC":
		return faulttest.Attachments("one")
	}
	return nil
}

// done reports whether a container's addresses may change from before to now.
func (e effect) allows(id string, before, now []netip.Addr) bool {
	switch {
	case e.adds && id == target:
		return now != nil
	case slices.Contains(e.releases, id):
		return now == nil
	}
	return slices.Equal(before, now)
}
