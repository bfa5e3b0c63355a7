//go:build unix

package damage

import (
	"errors"
	"fmt"
	"maps"
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
)

// A leasedStore is a data directory with a store and its leases.
type leasedStore struct {
	net faulttest.Network
	now leases
}

// newLeasedStore creates a store in which half of the addresses are leased.
func newLeasedStore(t testing.TB, dir, kind string) leasedStore {
	t.Helper()
	s := leasedStore{faulttest.Network{Dir: dir, Backend: kind, Dual: true, Size: 12}, leases{}}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for i := range s.net.Size / 2 {
		id := "c" + strconv.Itoa(i)
		addrs, err := s.net.Add(id)
		require.NoError(t, err)
		for _, addr := range addrs {
			s.now[addr] = id
		}
	}
	return s
}

// places lists the paths in the data directory that a program opens, renames or lists.
func (s leasedStore) places() []string {
	in := []string{
		"10.0.0.11", "fd00::b", "10.0.0.20", "fd00::14", "FD00::15", "::ffff:10.0.0.21", "10.0.9.9", "rubbish", "a\nb",
		"last_reserved_ip.0", "last_reserved_ip.1", "last_reserved_ip.", "last_reserved_ip.x\xff", "lock",
		"last_reserved_ip..leasehold-boot", "last_reserved_ip..leasehold-undo", "last_reserved_ip..leasehold-undo.damaged",
		"last_reserved_ip..leasehold-undo.seen", "last_reserved_ip..leasehold-new.0.undo", "last_reserved_ip..leasehold-passing.0",
		"last_reserved_ip..leasehold-rubbish", ".leasehold-new.0.10.0.0.16", ".leasehold-boot", ".leasehold-undo", ".leasehold-undo.damaged", ".leasehold-undo.seen",
		".leasehold-new.10.0.0.16", ".leasehold-new.fd00::10", ".leasehold-new..leasehold-undo", ".leasehold-new..leasehold-boot",
		".leasehold-old.10.0.0.12", ".leasehold-old.10.0.0.19", ".leasehold-old.rubbish",
	}
	beside := []string{
		"podnet", ".leasehold", ".leasehold/lock", newStore, ".leasehold/podnet.new-dir", ".leasehold/podnet.new-file",
		".leasehold/podnet.before-migration-20260101T000000.000Z", ".leasehold/podnet.before-migration-20260101T000000.000Z.next",
	}
	if s.net.Backend == config.Bolt {
		return beside
	}
	for i, name := range in {
		in[i] = filepath.Join(faulttest.Name, name)
	}
	return append(in, beside...)
}

// A placement is an obstacle at a place.
type placement struct {
	kind, place string
	obstacle    obstacle
}

func (c placement) String() string {
	return fmt.Sprintf("%s, %s: %q", c.kind, c.obstacle.name, c.place)
}

func placements() (all []placement) {
	for _, kind := range []string{config.Files, config.Bolt} {
		s := leasedStore{net: faulttest.Network{Backend: kind}}
		for _, place := range s.places() {
			for _, th := range obstacles() {
				all = append(all, placement{kind, place, th})
			}
		}
	}
	return all
}

// setUp creates a store, puts the obstacle in its place, and returns the store and a
// canary.
func (c placement) setUp(t testing.TB, dir string) (leasedStore, *canary) {
	t.Helper()
	require.NoError(t, os.RemoveAll(dir))
	s, o := newLeasedStore(t, filepath.Join(dir, "data"), c.kind), newCanary(t, filepath.Join(dir, "outside"))
	path := filepath.Join(s.net.Dir, c.place)
	require.NoError(t, os.RemoveAll(path))
	if c.place == newStore { // It is read only if there is no store.
		require.NoError(t, os.RemoveAll(s.net.Path()))
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, c.obstacle.put(path, o))
	var err error
	o.before, err = o.state() // A hard link to the canary changes its state.
	require.NoError(t, err)
	return s, o
}

// replacesStore reports whether the leases are gone without a trace.
func (c placement) replacesStore() bool { return c.place == faulttest.Name || c.place == newStore }

// newStore is the name of a new bolt store before it is renamed into place.
const newStore = ".podnet.new"

// sharesFile reports whether a file of the canary is also a file of the store.
func (c placement) sharesFile() bool { return strings.HasPrefix(c.obstacle.name, "a hard link") }

// Whatever is in the place of a file of a store, the plugin answers, leases no address
// twice, and neither reads nor writes outside the data directory.
func TestPluginWithObstacles(t *testing.T) {
	dir := faulttest.Dir(t)
	all := sample(placements())
	workers(t, slices.Values(all), func(w *worker, c placement) {
		s, o := c.setUp(t, filepath.Join(dir, strconv.Itoa(w.number)))
		texts, err := s.runPlugin(w, c)
		if err == nil && !c.sharesFile() && !(c.replacesStore() && c.obstacle.name == "a link to a directory outside") {
			err = errors.Join(o.checkUnread(texts...), o.checkUntouched())
		}
		if err != nil {
			t.Errorf("%s: %v", c, err)
		}
	})
	t.Logf("%d placements", len(all))
}

// runPlugin performs the plugin's commands and returns all output.
func (s leasedStore) runPlugin(w *worker, c placement) (texts []string, err error) {
	do := func(command, id string, more map[string]any) (answer, error) {
		a, err := w.do(request{s.net, command, id, more})
		texts = append(texts, string(a.Out), a.Err)
		return a, err
	}
	valid := slices.Collect(maps.Values(s.now))
	for _, step := range []func() error{
		func() error { _, err := do("STATUS", "", nil); return err },
		func() error { _, err := do("CHECK", "c1", faulttest.PrevResult(s.addrsOf("c1"))); return err },
		func() error { return s.fill(do, c) },
		func() error { _, err := do("GC", "", faulttest.Attachments(valid...)); return err },
		func() error { _, err := do("DEL", "c1", nil); return err },
		func() error { _, err := do("DEL", "new0", nil); return err },
		func() error { _, err := do("ADD", "last", nil); return err },
		func() error { _, err := do("GC", "", faulttest.Attachments()); return err },
		func() error { _, err := do(verify, "", nil); return err },
	} {
		if err := step(); err != nil {
			return texts, err
		}
	}
	return texts, nil
}

func (s leasedStore) addrsOf(id string) []netip.Addr {
	return damagedStore{original: &original{now: s.now}}.addrsOf(id)
}

// fill leases all free addresses. An address that has a file is not free, unless the file
// is torn: then it is the last to be leased.
func (s leasedStore) fill(do func(string, string, map[string]any) (answer, error), c placement) error {
	given := leases{}
	tr := damagedStore{original: &original{}, net: s.net}
	taken := maps.Clone(s.now)
	if c.replacesStore() {
		clear(taken)
	}
	for i := range s.net.Size {
		id := "new" + strconv.Itoa(i)
		a, err := do("ADD", id, nil)
		if err != nil || a.Code != 0 {
			return err
		}
		if c.isTorn() && i >= s.net.Size/2-1 {
			delete(taken, c.addr())
		}
		if err := tr.checkAdd(a.Out, id, taken, given); err != nil {
			return err
		}
		if given[c.addr()] != "" && !c.isTorn() {
			return fmt.Errorf("%s is leased to %s", c.addr(), given[c.addr()])
		}
	}
	return nil
}

// addr returns the address whose lease file is replaced, or the zero Addr.
func (c placement) addr() netip.Addr {
	dir, name := filepath.Split(c.place)
	addr, err := netip.ParseAddr(name)
	if err != nil || dir != faulttest.Name+"/" {
		return netip.Addr{}
	}
	return addr.Unmap()
}

// isTorn reports whether the obstacle is a torn lease: a lease file without content.
func (c placement) isTorn() bool { return c.obstacle.name == emptyFile || c.obstacle.name == "NULs" }
