// Package backendtest is the contract of package backend in executable form.
//
// Every store passes it, the one in memory included. The tests of a store are
// three functions:
//
//	func open(path string) (backend.Store, error) { return bolt.Open(path) }
//
//	func TestMain(m *testing.M)       { backendtest.Main(m, open) }
//	func TestStore(t *testing.T)      { backendtest.Run(t, backendtest.Options{Open: open, Persistent: true}) }
//	func BenchmarkStore(b *testing.B) { backendtest.Benchmark(b, open) }
//
// [Run] has one subtest for each sentence of the contract, so that the output of
// go test -v reads as the contract does. Besides these it performs random
// operations on the store and on a map and compares the two, lets several
// processes work on one store, and kills processes at random moments. After each
// subtest the store is closed, opened again, compared with what it held before,
// and handed to [Options.Check].
//
// [Main] takes the place of testing.M.Run: the processes that Run starts are the
// test binary itself, and Main is where they find out what they are to do.
//
// [Benchmark] measures through the interface, so that the numbers of any two
// stores can be compared.
package backendtest

import (
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// An Open function opens the store of one network at a path. Nothing need stand
// there, nor need the directory exist that the path lies in.
type Open = func(path string) (backend.Store, error)

// Options describe the store that is to be tested. Only Open is required.
type Options struct {
	Open Open

	// Persistent: what was written is there when the path is opened again,
	// by any process.
	Persistent bool

	// KeepsDetails: the store keeps Boot, Pod and Netns of a lease, and that
	// Since is not known.
	KeepsDetails bool

	// CoarseTimes: of the time of a lease the store keeps whole seconds only.
	CoarseTimes bool

	// Check looks for contradictions in the closed store at path. It runs
	// after each subtest if something stands there.
	Check func(path string) error

	// Tear makes addr a lease of the zero Owner, as a crash would. It is nil
	// for a store in which that cannot happen.
	Tear func(s backend.Store, path string, addr netip.Addr) error

	// Damage lists ways to damage the closed store at path, which holds a
	// few hundred leases. What is done with the store afterwards must fail in
	// good time, with [backend.ErrDamaged], [backend.ErrFormat] or
	// [backend.ErrOtherStore] and the path in the text, or else be right:
	// damage to what nobody reads may go unnoticed. At least one of them must
	// be noticed.
	Damage []func(path string) error

	// Garble lists ways to damage the store, as Damage does, of which not
	// all can be told from content: a store without checksums does not
	// notice one digit in place of another. Of the answers nothing more is
	// asked than that there are some: no panic, and errors as for Damage.
	Garble []func(path string) error
}

// Run tests whether a store keeps the contract.
func Run(t *testing.T, o Options) {
	require.Empty(t, os.Getenv(roleEnv), "TestMain has to call backendtest.Main")
	for _, chapter := range chapters(o) {
		t.Run(chapter.title, func(t *testing.T) { chapter.clauses(contract{t, o}) })
	}
}

// A chapter is the part of the contract that is about one thing.
type chapter struct {
	title   string
	clauses func(contract)
}

// chapters returns those that apply to the store.
func chapters(o Options) []chapter {
	all := []chapter{
		{"View", viewing},
		{"Update", updating},
		{"Update that fails", failing},
		{"Store", locking},
		{"Close", closing},
		{"Lease", looking},
		{"OwnedBy", owning},
		{"Leases", iterating},
		{"NextFree", findingFree},
		{"Cursor and Boot", remembering},
		{"Put", putting},
		{"Delete", deleting},
		{"ErrInvalid", refusing},
		{"random operations", random},
	}
	if o.KeepsDetails {
		all = append(all, chapter{"details", detailing})
	}
	if o.Tear != nil {
		all = append(all, chapter{"zero Owner", torn})
	}
	if o.Persistent {
		all = append(all, chapter{"path", persisting}, chapter{"several processes", processes})
	}
	if o.Damage != nil {
		all = append(all, chapter{"damage", damage})
	}
	if o.Garble != nil {
		all = append(all, chapter{"garbled content", garbling})
	}
	return all
}

// A contract registers clauses: sentences with a test that they are true.
type contract struct {
	t *testing.T
	o Options
}

// clause runs test as a subtest, on a new store.
func (c contract) clause(sentence string, test func(f *fixture)) {
	c.t.Run(sentence, func(t *testing.T) {
		f := newFixture(t, c.o)
		test(f)
		f.settle()
	})
}
