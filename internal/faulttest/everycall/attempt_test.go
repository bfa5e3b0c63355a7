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

// size is how many addresses of each family the networks have. Four are held at once.
const size = 5

// An attempt is one run of the command of a scenario.
type attempt struct {
	scenario
	network  faulttest.Network
	programs faulttest.Programs
	before   faulttest.Holding
	mount    *mount // of the store that is migrated, at another place
}

// attempt prepares one, in an empty directory.
func (s scenario) attempt(n faulttest.Network, p faulttest.Programs) (*attempt, error) {
	a, err := s.prepared(n, p)
	if err == nil && s.command == migrate {
		a.mount, err = newMount(a.network)
	}
	return a, err
}

// prepared is attempt without a mount of the store.
func (s scenario) prepared(n faulttest.Network, p faulttest.Programs) (*attempt, error) {
	n.Size, n.Keys = size, s.keys
	if err := s.prepare(n); err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	before, err := n.Verify(context.Background())
	return &attempt{scenario: s, network: n, programs: p, before: before}, err
}

// run returns the error that the plugin or the tool answered, or how else it ended.
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

// errNoAnswer is the error of a plugin that fails and does not say so with a CNI error.
var errNoAnswer = errors.New("no CNI error")

func (a *attempt) cmd() *exec.Cmd {
	if a.command == migrate {
		return a.network.Tool(a.programs.Leasehold, migrate, faulttest.Name, "--to", a.other())
	}
	return a.network.Command(a.programs.HostLocal, a.command, it, a.more(a.before))
}

// other returns the kind of store that the network is migrated to.
func (a *attempt) other() string {
	if a.network.Backend == config.Files {
		return config.Bolt
	}
	return config.Files
}

// What a command may have done that was interrupted.
type allowed uint

const (
	everything allowed = 1 << iota
	nothing
	some // of the addresses that it releases; then it has to release the rest when repeated
)

// check returns what is wrong with what the command has left, and with what can be
// done then.
func (a *attempt) check(may allowed) error {
	ctx := context.Background()
	n := a.network
	if a.command == migrate {
		n.Backend = stores.None // what stands there
	}
	if may&some != 0 {
		if out, err := a.cmd().CombinedOutput(); err != nil {
			return fmt.Errorf("%s again: %w: %s", a.command, err, out)
		}
		may = everything
	}
	after, err := n.Verify(ctx)
	if err != nil {
		return err
	}
	if err := a.judge(after, may); err != nil {
		return err
	}
	if a.command == migrate {
		if err := errors.Join(a.mount.usable(n), a.again(n), a.mount.refused()); err != nil {
			return err
		}
	}
	if err := n.AddAndDel(after); err != nil {
		return err
	}
	if err := a.unharmed(n, after); err != nil {
		return fmt.Errorf("another came and went: %w", err)
	}
	if err := comesAndGoes(n, after); err != nil {
		return err
	}
	return n.Exercise(ctx)
}

// judge compares what is held with what was.
func (a *attempt) judge(after faulttest.Holding, may allowed) error {
	is := func(e effect) bool {
		for _, id := range []string{"one", "two", it} {
			if !e.done(id, a.before[id], after[id]) {
				return false
			}
		}
		return len(after) <= 3
	}
	takenBack := effect{releases: a.effect.releases}
	if may&everything != 0 && is(a.effect) || may&nothing != 0 && (is(effect{}) || a.effect.adds && is(takenBack)) {
		return nil
	}
	return fmt.Errorf("before: %v; after: %v", a.before, after)
}

// again migrates in a process that nobody interrupts, and looks for what is left of the
// one before.
func (a *attempt) again(n faulttest.Network) error {
	if out, err := a.cmd().CombinedOutput(); err != nil {
		return fmt.Errorf("migrate again: %w: %s", err, out)
	}
	if kind, err := stores.Standing(n.Path()); kind != a.other() {
		return fmt.Errorf("migrated to %q, want %q: %w", kind, a.other(), err)
	}
	if left, err := n.Leftovers(); err != nil || len(left) > 0 {
		return fmt.Errorf("left behind: %v, %w", left, err)
	}
	after, err := n.Verify(context.Background())
	if err != nil {
		return err
	}
	return a.judge(after, nothing)
}

// unharmed returns an error unless the store holds what it held before another came. The
// first ADD after a reboot is that of the other, if this one was undone.
func (a *attempt) unharmed(n faulttest.Network, before faulttest.Holding) error {
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

// comesAndGoes has the container ask again, go, and come anew.
func comesAndGoes(n faulttest.Network, h faulttest.Holding) error {
	addrs, err := n.With("onDuplicate", "return").Add(it)
	if err != nil {
		return fmt.Errorf("ADD that asks again: %w", err)
	}
	if h[it] != nil && !slices.Equal(h[it], addrs) {
		return fmt.Errorf("ADD that asks again: %v, want %v", addrs, h[it])
	}
	if err := n.Del(it); err != nil {
		return fmt.Errorf("DEL: %w", err)
	}
	if _, err := n.Add(it); err != nil {
		return fmt.Errorf("ADD after DEL: %w", err)
	}
	return nil
}
