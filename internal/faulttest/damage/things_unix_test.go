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

// A set is a data directory with a store, and what is leased in it.
type set struct {
	net faulttest.Network
	now leased
}

// newSet makes a store in which half of the addresses are leased.
func newSet(t testing.TB, dir, kind string) set {
	t.Helper()
	s := set{faulttest.Network{Dir: dir, Backend: kind, Dual: true, Size: 12}, leased{}}
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

// places lists, from the data directory, where something can stand that a program opens,
// renames or lists.
func (s set) places() []string {
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

// A scene is something in a place where something else belongs.
type scene struct {
	kind, place string
	thing       thing
}

func (c scene) String() string { return fmt.Sprintf("%s, %s: %q", c.kind, c.thing.name, c.place) }

func scenes() (all []scene) {
	for _, kind := range []string{config.Files, config.Bolt} {
		s := set{net: faulttest.Network{Backend: kind}}
		for _, place := range s.places() {
			for _, th := range things() {
				all = append(all, scene{kind, place, th})
			}
		}
	}
	return all
}

// stage makes a store, puts the thing in its place, and returns how to end the scene: by
// making sure that nothing outside was touched.
func (c scene) stage(t testing.TB, dir string) (set, *outside) {
	t.Helper()
	require.NoError(t, os.RemoveAll(dir))
	s, o := newSet(t, filepath.Join(dir, "data"), c.kind), newOutside(t, filepath.Join(dir, "outside"))
	path := filepath.Join(s.net.Dir, c.place)
	require.NoError(t, os.RemoveAll(path))
	if c.place == newStore { // It is looked at only where there is none.
		require.NoError(t, os.RemoveAll(s.net.Path()))
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, c.thing.put(path, o))
	var err error
	o.before, err = o.state() // A file that has got a second name is another one.
	require.NoError(t, err)
	return s, o
}

// replacesStore reports whether the leases are gone, and nothing tells that there were
// any.
func (c scene) replacesStore() bool { return c.place == faulttest.Name || c.place == newStore }

// newStore is where a bolt store is made, before it gets its name.
const newStore = ".podnet.new"

// linked reports whether the file outside is, by a second name, a file of the store.
func (c scene) linked() bool { return strings.HasPrefix(c.thing.name, "a second name") }

// Whatever stands where a file of a store belongs, the plugin answers, leases nothing
// twice, and neither reads nor writes what is not in the data directory.
func TestPluginAmongThingsThatAreNoFiles(t *testing.T) {
	dir := faulttest.Dir(t)
	all := some(scenes())
	workers(t, slices.Values(all), func(w *worker, c scene) {
		s, o := c.stage(t, filepath.Join(dir, strconv.Itoa(w.number)))
		texts, err := s.play(w, c)
		if err == nil && !c.linked() && !(c.replacesStore() && c.thing.name == "a link to a directory outside") {
			err = errors.Join(o.unseen(texts...), o.untouched())
		}
		if err != nil {
			t.Errorf("%s: %v", c, err)
		}
	})
	t.Logf("%d scenes", len(all))
}

// play performs the commands of the plugin and returns all that they wrote.
func (s set) play(w *worker, c scene) (texts []string, err error) {
	do := func(command, id string, more map[string]any) (answer, error) {
		a, err := w.do(order{s.net, command, id, more})
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

func (s set) addrsOf(id string) []netip.Addr {
	return trial{original: &original{now: s.now}}.addrsOf(id)
}

// fill leases what is free. An address that has a file is not, unless that is torn: then
// it is the last to be leased.
func (s set) fill(do func(string, string, map[string]any) (answer, error), c scene) error {
	given := leased{}
	tr := trial{original: &original{}, net: s.net}
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
		if c.torn() && i >= s.net.Size/2-1 {
			delete(taken, c.addr())
		}
		if err := tr.take(a.Out, id, taken, given); err != nil {
			return err
		}
		if given[c.addr()] != "" && !c.torn() {
			return fmt.Errorf("%s is leased to %s", c.addr(), given[c.addr()])
		}
	}
	return nil
}

// addr returns the address whose file the thing is, or zero.
func (c scene) addr() netip.Addr {
	dir, name := filepath.Split(c.place)
	addr, err := netip.ParseAddr(name)
	if err != nil || dir != faulttest.Name+"/" {
		return netip.Addr{}
	}
	return addr.Unmap()
}

// torn reports whether the thing is a lease that a kill has left without content.
func (c scene) torn() bool { return c.thing.name == nothingInIt || c.thing.name == "NULs" }
