package everycall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os/exec"
	"slices"

	"github.com/containernetworking/cni/pkg/types"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
	"github.com/leasehold/leasehold/internal/stores"
)

// size is the number of addresses of each family. At most four are held at once.
const size = 5

// An attempt is one run of a scenario's command.
type attempt struct {
	scenario
	network  faulttest.Network
	programs faulttest.Programs
	before   faulttest.Holding
	ended    map[string]int // how many leases of each container had ended before, in a bolt store
	full     bool           // the disk is full, so that the store need not remember a lease that ends
	mount    *mount         // of the store to migrate, at another path
}

// attempt prepares an attempt in an empty directory.
func (s scenario) attempt(n faulttest.Network, p faulttest.Programs) (*attempt, error) {
	a, err := s.prepared(n, p)
	if err == nil && s.command == migrate {
		a.mount, err = newMount(a.network)
	}
	return a, err
}

// prepared prepares an attempt without a mount of the store.
func (s scenario) prepared(n faulttest.Network, p faulttest.Programs) (*attempt, error) {
	n.Size, n.Keys = size, s.keys
	if err := s.prepare(n); err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	before, err := n.Verify(context.Background())
	if err != nil {
		return nil, err
	}
	m, err := n.Memory(context.Background())
	if err != nil {
		return nil, err
	}
	a := &attempt{scenario: s, network: n, programs: p, before: before}
	if m != nil {
		a.ended = m.Ended
	}
	return a, nil
}

// run runs the command and returns the CNI error of the plugin, or the error of the
// process.
func (a *attempt) run(h ptracer.Hooks) error {
	cmd := a.cmd()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_, err := ptracer.Run(cmd, h)
	if err == nil || ptracer.Killed(err) || a.command == migrate {
		return err
	}
	e := new(types.Error)
	if json.Unmarshal(out.Bytes(), e) != nil || e.Code == 0 {
		return fmt.Errorf("%w: %w: %s", errNoAnswer, err, out.Bytes())
	}
	return e
}

// errNoAnswer is the error of a plugin that failed without printing a CNI error.
var errNoAnswer = errors.New("no CNI error")

func (a *attempt) cmd() *exec.Cmd {
	if a.command == migrate {
		return a.network.Tool(a.programs.Leasehold, migrate, faulttest.Name, "--to", a.other())
	}
	return a.network.Command(a.programs.HostLocal, a.command, target, a.extraConfig(a.before))
}

// other returns the kind of store to migrate to.
func (a *attempt) other() string {
	if a.network.Backend == config.Files {
		return config.Bolt
	}
	return config.Files
}

// outcomes are the results that are allowed for a command that was interrupted.
type outcomes uint

const (
	allDone outcomes = 1 << iota
	noneDone
	partlyDone // a release of several leases; repeating the command must release the rest
)

// check checks what the command left behind, and that the store can be used.
func (a *attempt) check(allowed outcomes) error {
	ctx := context.Background()
	n := a.network
	if a.command == migrate {
		n.Backend = stores.None // use the existing store
	}
	if allowed&partlyDone != 0 {
		if out, err := a.cmd().CombinedOutput(); err != nil {
			return fmt.Errorf("%s again: %w: %s", a.command, err, out)
		}
		allowed = allDone
	}
	after, err := n.Verify(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(a.checkHolding(after, allowed), a.checkMemory(n, after)); err != nil {
		return err
	}
	if a.command == migrate {
		if err := errors.Join(a.mount.checkNoDoubleLease(n), a.migrateAgain(n), a.mount.checkRejected()); err != nil {
			return err
		}
	}
	if err := n.AddAndDel(after); err != nil {
		return err
	}
	if err := a.checkUnchanged(n, after); err != nil {
		return fmt.Errorf("after ADD and DEL of another container: %w", err)
	}
	if err := readdTarget(n, after); err != nil {
		return err
	}
	return n.Exercise(ctx)
}

// checkHolding checks that the holding is one of the allowed outcomes.
func (a *attempt) checkHolding(after faulttest.Holding, allowed outcomes) error {
	is := func(e effect) bool {
		for _, id := range []string{"one", "two", target} {
			if !e.allows(id, a.before[id], after[id]) {
				return false
			}
		}
		return len(after) <= 3 // The container gone holds nothing, however the store was left.
	}
	takenBack := effect{releases: a.effect.releases}
	if allowed&allDone != 0 && is(a.effect) || allowed&noneDone != 0 && (is(effect{}) || a.effect.adds && is(takenBack)) {
		return nil
	}
	return fmt.Errorf("before: %v; after: %v", a.before, after)
}

// checkMemory checks that a bolt store remembers each lease that has ended, once, and no other,
// and that its address cools if the configuration says so. On a full disk each lease that ends can be
// left out, also one of the two of a container.
func (a *attempt) checkMemory(n faulttest.Network, after faulttest.Holding) error {
	m, err := n.Memory(context.Background())
	if err != nil || m == nil {
		return err
	}
	for _, id := range []string{"one", "two", target} {
		want, got := a.ended[id], m.Ended[id]
		if a.before[id] != nil && after[id] == nil {
			want += n.Families()
			if a.full && a.ended[id] <= got && got < want {
				continue
			}
			for _, addr := range a.before[id] {
				if cools := slices.Contains(m.Cooling, addr); cools != (a.name == coolingDEL) {
					return fmt.Errorf("%s of %s was released; it is among the cooling addresses: %v", addr, id, cools)
				}
			}
		}
		if got != want {
			return fmt.Errorf("the history has %d ended leases of %s, want %d; before: %v; after: %v", got, id, want, a.before, after)
		}
	}
	return nil
}

// migrateAgain repeats the migration without interruption, and checks that it leaves
// nothing behind.
func (a *attempt) migrateAgain(n faulttest.Network) error {
	if out, err := a.cmd().CombinedOutput(); err != nil {
		return fmt.Errorf("migrate again: %w: %s", err, out)
	}
	if kind, err := stores.KindAt(n.Path()); kind != a.other() {
		return fmt.Errorf("migrated to %q, want %q: %w", kind, a.other(), err)
	}
	if left, err := n.Leftovers(); err != nil || len(left) > 0 {
		return fmt.Errorf("left behind: %v, %w", left, err)
	}
	after, err := n.Verify(context.Background())
	if err != nil {
		return err
	}
	return a.checkHolding(after, noneDone)
}

// checkUnchanged checks that the store holds what it held before another container was
// added and deleted. If an ADD after a reboot was undone, the other container's ADD has
// released the leases of the earlier boot.
func (a *attempt) checkUnchanged(n faulttest.Network, before faulttest.Holding) error {
	after, err := n.Verify(context.Background())
	if err != nil {
		return err
	}
	want := maps.Clone(before)
	if a.effect.adds {
		maps.DeleteFunc(want, func(id string, _ []netip.Addr) bool { return slices.Contains(a.effect.releases, id) })
	}
	if !maps.EqualFunc(after, want, slices.Equal) {
		return fmt.Errorf("before: %v; after: %v", before, after)
	}
	return nil
}

// readdTarget repeats the ADD of the target, deletes it and adds it again.
func readdTarget(n faulttest.Network, h faulttest.Holding) error {
	addrs, err := n.With("onDuplicate", "return").Add(target)
	if err != nil {
		return fmt.Errorf("repeated ADD: %w", err)
	}
	if h[target] != nil && !slices.Equal(h[target], addrs) {
		return fmt.Errorf("repeated ADD: %v, want %v", addrs, h[target])
	}
	if err := n.Del(target); err != nil {
		return fmt.Errorf("DEL: %w", err)
	}
	if _, err := n.Add(target); err != nil {
		return fmt.Errorf("ADD after DEL: %w", err)
	}
	return nil
}
