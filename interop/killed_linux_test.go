package interop

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// victim is the container whose command is killed.
const victim = "it"

// A killCase is a command of our plugin that is killed at each of its calls on files.
type killCase struct {
	name    string
	command string
	keys    map[string]any // of "ipam"
	before  []string       // containers that hold addresses
	program string         // our plugin
	earlier bool           // the containers in before are of an earlier boot
	size    int            // of the pool
}

func killCases(t *testing.T) []killCase {
	t.Helper()
	rebooted, err := faulttest.Build(t.TempDir(), "testdata/next-boot.patch")
	require.NoError(t, err)
	return []killCase{
		{"ADD", "ADD", nil, []string{"one", "two"}, ours().path, false, 6},
		{"DEL", "DEL", nil, []string{"one", "two", victim}, ours().path, false, 6},
		{
			"ADD after a reboot", "ADD", map[string]any{"onReboot": "release"}, []string{"one", "two"},
			rebooted.HostLocal, true, 6,
		},
	}
}

// A killedNetwork is a network with a record of what was done to it.
type killedNetwork struct {
	faulttest.Network
	killCase
	answered map[string][]netip.Addr
	released map[string]bool // containers that may hold nothing, whatever was answered before
	calls    int             // how many calls of the killed command could have been the one at which it was killed
}

// withPlugin returns the network with another plugin.
func (s *killedNetwork) withPlugin(p plugin) faulttest.Network {
	n := s.Network
	n.Program = p.path
	return n
}

// A stockStep is what the stock plugin does after the kill.
type stockStep struct {
	name string
	do   func(s *killedNetwork) error
}

func stockSteps() []stockStep {
	gc := func(ids ...string) func(*killedNetwork) error {
		return func(s *killedNetwork) error {
			for id := range s.answered {
				s.released[id] = s.released[id] || !slices.Contains(ids, id)
			}
			_, err := s.withPlugin(stock()).Plugin("GC", "", faulttest.Attachments(ids...))
			return err
		}
	}
	del := func(p plugin) func(*killedNetwork) error {
		return func(s *killedNetwork) error { s.released[victim] = true; return s.withPlugin(p).Del(victim) }
	}
	// An ADD may fail because of leases that are still held. Then a runtime sends DEL.
	add := func(id string) func(*killedNetwork) error {
		return func(s *killedNetwork) error {
			addrs, err := s.withPlugin(stock()).Add(id)
			if err != nil {
				s.released[id] = true
				return s.withPlugin(stock()).Del(id)
			}
			s.answered[id], s.released[id] = addrs, false
			return nil
		}
	}
	both := func(first, second func(*killedNetwork) error) func(*killedNetwork) error {
		return func(s *killedNetwork) error {
			if err := first(s); err != nil {
				return err
			}
			return second(s)
		}
	}
	all := gc("one", "two", victim, "other")
	return []stockStep{
		{"nothing", func(*killedNetwork) error { return nil }},
		{"GC that keeps the victim", all},
		{"GC that releases the victim", gc("one", "two")},
		{"GC that releases all", gc()},
		{"DEL", del(older())},
		{"DEL of the later one", del(stock())},
		{"ADD of another", add("other")},
		{"ADD of the victim", add(victim)},
		{"GC that keeps the victim, and ADD of another", both(all, add("other"))},
		{"GC that releases the victim, and ADD of the victim", both(gc("one", "two"), add(victim))},
		{"ADD of another, and GC that keeps all", both(add("other"), all)},
		{"DEL and ADD of the victim", both(del(stock()), add(victim))},
	}
}

// TestKilledBesideStock kills our plugin at each of its calls, a quick run at every fifth, then runs
// the stock plugin, and then ours again. Nothing may be incomplete, leaked, or leased twice.
func TestKilledBesideStock(t *testing.T) {
	if !ptracer.Supported {
		t.Skip("the tracer is for Linux on amd64")
	}
	for _, k := range killCases(t) {
		for _, i := range stockSteps() {
			t.Run(k.name+", "+i.name, func(t *testing.T) {
				t.Parallel()
				dir, stride := faulttest.Dir(t), 5
				if faulttest.Exhaustive() {
					dir, stride = t.TempDir(), 1 // a disk, which reuses inode numbers
				}
				calls := 0
				for nth, done := 1+rand.IntN(stride), false; !done; nth += stride {
					s := k.setUp(t, filepath.Join(dir, strconv.Itoa(nth)))
					call := s.kill(t, nth)
					calls, done = s.calls, call == nil
					at := fmt.Sprintf("killed at %+v", call)
					require.NoError(t, i.do(s), at)
					require.NoError(t, s.check(t), at)
				}
				require.GreaterOrEqual(t, calls, 5)
			})
		}
	}
}

func (k killCase) setUp(t *testing.T, dir string) *killedNetwork {
	t.Helper()
	s := &killedNetwork{
		Network:  faulttest.Network{Dir: dir, Backend: config.Files, Dual: true, Size: k.size, Keys: k.keys},
		killCase: k,
		answered: map[string][]netip.Addr{},
		released: map[string]bool{victim: k.command == "DEL"},
	}
	for _, id := range k.before {
		addrs, err := s.withPlugin(ours()).Add(id)
		require.NoError(t, err)
		s.answered[id] = addrs
		s.released[id] = s.released[id] || k.earlier
	}
	s.Network.Program = k.program
	return s
}

// kill kills the command at its nth call that changes a file, or in an exhaustive run at
// its nth call, and returns the call. It returns nil if the command made fewer calls.
func (s *killedNetwork) kill(t *testing.T, n int) (at *ptracer.Call) {
	t.Helper()
	_, err := ptracer.Run(s.Command(s.program, s.command, victim, nil), ptracer.Hooks{Enter: func(c *ptracer.Call) ptracer.Action {
		if !strings.HasPrefix(c.Path, s.Dir) || !faulttest.Exhaustive() && !changesNames(c) {
			return ptracer.Action{}
		}
		s.calls++
		if n--; n != 0 {
			return ptracer.Action{}
		}
		at = c
		return ptracer.Action{Kill: true}
	}})
	if at == nil {
		require.NoError(t, err)
	} else {
		require.True(t, ptracer.Killed(err), "%v", err)
	}
	return at
}

// changesNames reports whether a call changes what the stock plugin sees, or what is
// durable.
func changesNames(c *ptracer.Call) bool {
	switch c.Name {
	case "write", "renameat", "renameat2", "linkat", "unlinkat", "fsync":
		return true
	case "openat":
		return c.Flags&os.O_CREATE != 0
	}
	return false
}

// check lets our plugin clean up and checks the result.
func (s *killedNetwork) check(t *testing.T) error {
	t.Helper()
	if err := s.Del("nobody"); err != nil {
		return err
	}
	h, err := s.Verify(t.Context())
	if err != nil {
		return err
	}
	if err := s.checkHolding(h); err != nil {
		return fmt.Errorf("%w: %v", err, h)
	}
	if s.earlier {
		if err := s.checkEarlierReleased(t); err != nil {
			return err
		}
	}
	if err := s.Exercise(t.Context()); err != nil {
		return err
	}
	return s.checkNoLeftovers()
}

// checkHolding checks that each container holds what it was last answered, unless it was
// released, and that no other container but the killed one holds anything.
func (s *killedNetwork) checkHolding(h faulttest.Holding) error {
	for id, addrs := range s.answered {
		if !slices.Equal(h[id], addrs) && (h[id] != nil || !s.released[id]) {
			return fmt.Errorf("%s holds %v, but was answered %v", id, h[id], addrs)
		}
	}
	for id := range h {
		if s.answered[id] == nil && id != victim {
			return fmt.Errorf("%s holds addresses, but was not answered any", id)
		}
	}
	return nil
}

// checkEarlierReleased checks that an ADD of another container releases the leases of an
// earlier boot.
func (s *killedNetwork) checkEarlierReleased(t *testing.T) error {
	t.Helper()
	if _, err := s.Add("late"); err != nil {
		return err
	}
	h, err := s.Verify(t.Context())
	if err != nil {
		return err
	}
	for _, id := range s.before {
		if h[id] != nil {
			return fmt.Errorf("%s, of an earlier boot, holds %v", id, h[id])
		}
	}
	return nil
}

// checkNoLeftovers checks that the directory has only the files of an empty store.
func (s *killedNetwork) checkNoLeftovers() error {
	entries, err := os.ReadDir(s.Path())
	for _, e := range entries {
		if name := e.Name(); name != "lock" && !strings.HasPrefix(name, "last_reserved_ip.") ||
			strings.Contains(name, ".leasehold-") && name != "last_reserved_ip..leasehold-boot" {
			return fmt.Errorf("%s is left", name)
		}
	}
	return err
}
