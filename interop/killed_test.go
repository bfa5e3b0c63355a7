package interop

import (
	"fmt"
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
	"github.com/leasehold/leasehold/internal/faulttest/powercut"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// it is the container whose command is killed.
const it = "it"

// A killing is a command of ours that is killed at each of its calls on files.
type killing struct {
	name    string
	command string
	keys    map[string]any // of "ipam"
	before  []string       // containers that hold addresses
	program string         // ours
	earlier bool           // those before are of an earlier boot
	size    int            // of the pool
}

func killings(t *testing.T) []killing {
	t.Helper()
	next := powercut.NextBoot()
	// The whole seconds of a time say whether it is before the start of a boot.
	next.New = strings.Replace(next.New, "time.Now()", "time.Now().Add(time.Second)", 1)
	rebooted, err := faulttest.Build(t.TempDir(), next)
	require.NoError(t, err)
	return []killing{
		{"ADD", "ADD", nil, []string{"one", "two"}, ours().path, false, 6},
		{"DEL", "DEL", nil, []string{"one", "two", it}, ours().path, false, 6},
		{
			"ADD after a reboot", "ADD", map[string]any{"onReboot": "release"}, []string{"one", "two"},
			rebooted.HostLocal, true, 6,
		},
	}
}

// A stage is a network, and what has been done to it.
type stage struct {
	faulttest.Network
	killing
	answered map[string][]netip.Addr
	released map[string]bool // who may hold nothing, whatever was answered before
}

// by returns the network as another plugin has it.
func (s *stage) by(p plugin) faulttest.Network {
	n := s.Network
	n.Program = p.path
	return n
}

// An interlude is what the stock plugin does before ours is there again.
type interlude struct {
	name string
	do   func(s *stage) error
}

func interludes() []interlude {
	gc := func(ids ...string) func(*stage) error {
		return func(s *stage) error {
			for id := range s.answered {
				s.released[id] = s.released[id] || !slices.Contains(ids, id)
			}
			_, err := s.by(stock()).Plugin("GC", "", faulttest.Attachments(ids...))
			return err
		}
	}
	del := func(p plugin) func(*stage) error {
		return func(s *stage) error { s.released[it] = true; return s.by(p).Del(it) }
	}
	// An ADD may be refused: what it asks for is held. Then a runtime sends DEL.
	add := func(id string) func(*stage) error {
		return func(s *stage) error {
			addrs, err := s.by(stock()).Add(id)
			if err != nil {
				s.released[id] = true
				return s.by(stock()).Del(id)
			}
			s.answered[id], s.released[id] = addrs, false
			return nil
		}
	}
	both := func(first, second func(*stage) error) func(*stage) error {
		return func(s *stage) error {
			if err := first(s); err != nil {
				return err
			}
			return second(s)
		}
	}
	all := gc("one", "two", it, "other")
	return []interlude{
		{"nothing", func(*stage) error { return nil }},
		{"GC that keeps it", all},
		{"GC that releases it", gc("one", "two")},
		{"GC that releases all", gc()},
		{"DEL", del(older())},
		{"DEL of the later one", del(stock())},
		{"ADD of another", add("other")},
		{"ADD of it", add(it)},
		{"GC that keeps it, and ADD of another", both(all, add("other"))},
		{"GC that releases it, and its ADD", both(gc("one", "two"), add(it))},
		{"ADD of another, and GC that keeps all", both(add("other"), all)},
		{"DEL and ADD of it", both(del(stock()), add(it))},
	}
}

// TestKilledBesideStock kills ours at each of its calls, has the stock plugins do something, and
// then ours: nothing is half there, no address is leaked, or held by two.
func TestKilledBesideStock(t *testing.T) {
	if !ptracer.Supported {
		t.Skip("the tracer is for Linux on amd64")
	}
	for _, k := range killings(t) {
		for _, i := range interludes() {
			t.Run(k.name+", "+i.name, func(t *testing.T) {
				t.Parallel()
				dir := faulttest.Dir(t)
				if faulttest.Exhaustive() {
					dir = t.TempDir() // a disk, which uses inode numbers again
				}
				killed := 0
				for done := false; !done; killed++ {
					s := k.stage(t, filepath.Join(dir, strconv.Itoa(killed)))
					call := s.kill(t, killed+1)
					done = call == nil
					at := fmt.Sprintf("killed at %+v", call)
					require.NoError(t, i.do(s), at)
					require.NoError(t, s.judge(t), at)
				}
				require.Greater(t, killed, 5)
			})
		}
	}
}

func (k killing) stage(t *testing.T, dir string) *stage {
	t.Helper()
	s := &stage{
		Network:  faulttest.Network{Dir: dir, Backend: config.Files, Dual: true, Size: k.size, Keys: k.keys},
		killing:  k,
		answered: map[string][]netip.Addr{},
		released: map[string]bool{it: k.command == "DEL"},
	}
	for _, id := range k.before {
		addrs, err := s.by(ours()).Add(id)
		require.NoError(t, err)
		s.answered[id] = addrs
		s.released[id] = s.released[id] || k.earlier
	}
	s.Network.Program = k.program
	return s
}

// kill returns the call at which the command was killed: the nth that changes something, or in
// a run that is exhaustive the nth of all. If it has come to its end before it returns nil.
func (s *stage) kill(t *testing.T, n int) (at *ptracer.Call) {
	t.Helper()
	_, err := ptracer.Run(s.Command(s.program, s.command, it, nil), ptracer.Hooks{Enter: func(c *ptracer.Call) ptracer.Action {
		if !strings.HasPrefix(c.Path, s.Dir) || !faulttest.Exhaustive() && !changesNames(c) {
			return ptracer.Action{}
		}
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

// changesNames reports whether what the stock plugin sees is another thing after that call, or
// what is durable.
func changesNames(c *ptracer.Call) bool {
	switch c.Name {
	case "write", "renameat", "renameat2", "linkat", "unlinkat", "fsync":
		return true
	case "openat":
		return c.Flags&os.O_CREATE != 0
	}
	return false
}

// judge has ours find what was left, and looks at what there is then.
func (s *stage) judge(t *testing.T) error {
	t.Helper()
	if err := s.Del("nobody"); err != nil {
		return err
	}
	h, err := s.Verify(t.Context())
	if err != nil {
		return err
	}
	if err := s.keeps(h); err != nil {
		return fmt.Errorf("%w: %v", err, h)
	}
	if s.earlier {
		if err := s.releasesEarlier(t); err != nil {
			return err
		}
	}
	if err := s.Exercise(t.Context()); err != nil {
		return err
	}
	return s.isTidy()
}

// keeps returns an error unless each container holds what it was answered last, if it was
// not released, and no other holds anything, but for the one that was killed.
func (s *stage) keeps(h faulttest.Holding) error {
	for id, addrs := range s.answered {
		if !slices.Equal(h[id], addrs) && (h[id] != nil || !s.released[id]) {
			return fmt.Errorf("%s holds %v, and was answered %v", id, h[id], addrs)
		}
	}
	for id := range h {
		if s.answered[id] == nil && id != it {
			return fmt.Errorf("%s holds addresses, and was not answered any", id)
		}
	}
	return nil
}

// releasesEarlier has another container come, whose ADD releases what is of an earlier boot.
func (s *stage) releasesEarlier(t *testing.T) error {
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

// isTidy returns an error if anything is left that is not of an empty store.
func (s *stage) isTidy() error {
	entries, err := os.ReadDir(s.Path())
	for _, e := range entries {
		if name := e.Name(); name != "lock" && !strings.HasPrefix(name, "last_reserved_ip.") ||
			strings.Contains(name, ".leasehold-") && name != "last_reserved_ip..leasehold-boot" {
			return fmt.Errorf("%s is left", name)
		}
	}
	return err
}
