// Package backendtest is the contract of package backend in executable form.
//
// Every store passes it, including the one in memory. The tests of a store are three
// functions:
//
//	func open(path string) (backend.Store, error) { return bolt.Open(path) }
//
//	func TestMain(m *testing.M)       { backendtest.Main(m, open) }
//	func TestStore(t *testing.T)      { backendtest.Run(t, backendtest.Options{Open: open, Persistent: true}) }
//	func BenchmarkStore(b *testing.B) { backendtest.Benchmark(b, open) }
//
// [Run] has one subtest for each sentence of the contract, so that the output of go test -v
// reads like the contract. It also performs random operations on the store and on a map and
// compares the two, lets several processes work on one store, and kills processes at random
// moments. After each subtest the store is closed, reopened, compared with its contents
// before, and passed to [Options.Check].
//
// [Main] replaces testing.M.Run: the processes that Run starts are the test binary itself,
// and Main runs their part.
//
// [Benchmark] measures through the interface, so that any two stores can be compared.
//
// # Stability
//
// Until v1.0 a minor version may change the exported names; the CHANGELOG then lists the
// new ones. New versions may add clauses to the contract.
package backendtest

import (
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// An Open function opens the store of one network at a path. Neither the store nor its
// directory need exist.
type Open = func(path string) (backend.Store, error)

// Options describe the store to test. Only Open is required.
type Options struct {
	Open Open

	// Persistent: the contents are there when the path is opened again, by any process.
	Persistent bool

	// KeepsDetails: the store keeps Boot, Pod and Netns of a lease, and a zero Since.
	KeepsDetails bool

	// KeepsHistory: the transactions of the store are of type [backend.HistoryTx].
	KeepsHistory bool

	// Cools: the transactions of the store are of type [backend.CoolingTx].
	Cools bool

	// CoarseTimes: the store keeps Since only in whole seconds.
	CoarseTimes bool

	// Shareable: transactions implement [backend.SharedTx].
	Shareable bool

	// Check looks for contradictions in the closed store at path. It runs after each
	// subtest if there is a store.
	Check func(path string) error

	// Tear makes addr a torn lease, with a zero Owner, as a crash would. It is nil for a
	// store that cannot have any.
	Tear func(s backend.Store, path string, addr netip.Addr) error

	// Damage lists ways to damage the closed store at path, which holds a few hundred
	// leases. Later operations must either return correct results, because they do not need
	// the damaged part, or fail in time with [backend.ErrDamaged], [backend.ErrFormat] or
	// [backend.ErrOtherStore] and with the path in the text. At least one of the ways must
	// be noticed.
	Damage []func(path string) error

	// Garble lists ways to damage the store that cannot always be told from valid content:
	// a store without checksums does not notice a changed digit. Results may be wrong, but
	// operations must not panic, and fail only with the errors listed for Damage.
	Garble []func(path string) error
}

// Run tests whether a store meets the contract.
func Run(t *testing.T, o Options) {
	require.Empty(t, os.Getenv(roleEnv), "TestMain must call backendtest.Main")
	for _, chapter := range chapters(o) {
		t.Run(chapter.title, func(t *testing.T) { chapter.clauses(contract{t, o}) })
	}
}

// A chapter is the part of the contract about one subject.
type chapter struct {
	title   string
	clauses func(contract)
}

// chapters returns the chapters that apply to the store.
func chapters(o Options) []chapter {
	all := []chapter{
		{"View", clausesOfView},
		{"Update", clausesOfUpdate},
		{"Update that fails", clausesOfFailingUpdate},
		{"Store", clausesOfLocking},
		{"Close", clausesOfClose},
		{"Lease", clausesOfLease},
		{"OwnedBy", clausesOfOwnedBy},
		{"Leases", clausesOfLeases},
		{"NextFree", clausesOfNextFree},
		{"Cursor and Boot", clausesOfCursorAndBoot},
		{"Put", clausesOfPut},
		{"Delete", clausesOfDelete},
		{"ErrInvalid", clausesOfErrInvalid},
		{"random operations", clausesOfRandomOperations},
	}
	if o.Shareable {
		all = append(all, chapter{"shared", clausesOfShared})
	}
	if o.KeepsDetails {
		all = append(all, chapter{"details", clausesOfDetails})
	}
	if o.KeepsHistory {
		all = append(all, chapter{"history", clausesOfHistory})
	}
	if o.Cools {
		all = append(all, chapter{"cooling addresses", clausesOfCooling})
	}
	if o.Tear != nil {
		all = append(all, chapter{"zero Owner", clausesOfZeroOwner})
	}
	if o.Persistent {
		all = append(all, chapter{"path", clausesOfPath}, chapter{"several processes", clausesOfProcesses})
	}
	if o.Damage != nil {
		all = append(all, chapter{"damage", clausesOfDamage})
	}
	if o.Garble != nil {
		all = append(all, chapter{"garbled content", clausesOfGarbling})
	}
	return all
}

// A contract registers clauses: sentences, each with a test that it is true.
type contract struct {
	t *testing.T
	o Options
}

// clause runs test as a subtest, on a new store.
func (c contract) clause(sentence string, test func(f *fixture)) {
	c.t.Run(sentence, func(t *testing.T) {
		f := newFixture(t, c.o)
		test(f)
		f.reopenAndCompare()
	})
}
