package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
)

// exhaustive reports whether tests are to run for minutes.
func exhaustive() bool { return os.Getenv("LEASEHOLD_EXHAUSTIVE") != "" }

// newRand returns numbers of a seed that the test prints if it fails.
func newRand(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

// soon has the program die, and say where all of it was, if fn does not return; what is
// said too if the test fails.
func soon(t testing.TB, what string, fn func()) {
	timer := time.AfterFunc(time.Minute, func() {
		debug.SetTraceback("all")
		panic(what + " goes on for ever")
	})
	defer func() {
		timer.Stop()
		if t.Failed() {
			t.Log(what)
		}
	}()
	fn()
}

// A watched is a checked store that lets no panic of bbolt pass as an error.
type watched struct {
	*testing.T
	*Store
}

func (w watched) View(fn func(backend.ReadTx) error) error {
	w.Helper()
	var t *tx
	err := w.Store.View(ctx, func(r backend.ReadTx) error { t = r.(*tx); return fn(r) })
	return w.outcome(t, err)
}

func (w watched) Update(fn func(backend.Tx) error) error {
	w.Helper()
	var t *tx
	err := w.Store.Update(ctx, func(u backend.Tx) error { t = u.(*tx); return fn(u) })
	return w.outcome(t, err)
}

func (w watched) outcome(t *tx, err error) error {
	w.Helper()
	if t != nil {
		require.NoError(w, t.damage, "bbolt has panicked")
	} else if err != nil && !errors.Is(err, backend.ErrFormat) && !strings.Contains(err.Error(), "it has no bucket") {
		f, errOpen := w.openShared(ctx)
		require.NoError(w, errOpen)
		defer f.Close()
		require.EqualError(w, w.check(f), err.Error(), "who else would say %v?", err)
	}
	for _, known := range []error{nil, backend.ErrDamaged, backend.ErrFormat, backend.ErrNotFound, backend.ErrNoneFree} {
		if errors.Is(err, known) {
			return err
		}
	}
	require.NoError(w, err)
	return err
}

// agree requires that bbolt has nothing against pages that pass the check.
func (w watched) agree() {
	w.Helper()
	require.NoError(w, w.View(func(r backend.ReadTx) error {
		c, err := inspect(r.(*tx).file)
		if err != nil || !c.missing.none() {
			return err // bbolt's check panics without a meta page.
		}
		var all []error
		for err := range r.(*tx).bolt.Check() {
			all = append(all, err)
		}
		return errors.Join(all...)
	}))
}

// content is what is to be seen of a store, without the boots: nothing tells that a
// byte of their names has changed.
func (w watched) content() (leases map[netip.Addr]backend.Lease, cursors map[string]netip.Addr, err error) {
	leases = make(map[netip.Addr]backend.Lease)
	err = w.View(func(r backend.ReadTx) error {
		var err error
		if cursors, err = r.Cursors(); err != nil {
			return err
		}
		for l, err := range r.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			l.Boot = ""
			leases[l.Addr] = l
		}
		return nil
	})
	return leases, cursors, err
}

// ask calls all that a view has.
func ask(o *original) func(backend.ReadTx) error {
	return func(r backend.ReadTx) error {
		_, err := r.Cursors()
		_, errBoot := r.Boot()
		_, errCursor := r.Cursor("0")
		all := []error{err, errBoot, errCursor}
		for _, l := range o.leases {
			_, err := r.Lease(l.Addr)
			_, errOwned := r.OwnedBy(l.Owner)
			_, errFree := r.NextFree(l.Addr, l.Addr)
			all = append(all, err, errOwned, errFree)
			if len(all) > 100 {
				break
			}
		}
		return errors.Join(all...)
	}
}

// change calls all that a transaction has besides.
func change(o *original) func(backend.Tx) error {
	return func(tx backend.Tx) error {
		all := []error{tx.SetCursor("0", addr("10.0.0.1")), tx.SetBoot("next")}
		for a, l := range o.leases {
			err := tx.Delete(a)
			l.Boot, l.Addr = "next", netip.AddrFrom4([4]byte{11, 0, byte(len(all) >> 8), byte(len(all))})
			if all = append(all, err, tx.Put(l)); len(all) > 400 {
				break
			}
		}
		return errors.Join(all...)
	}
}

// endure requires that a checked store gives an answer or a reason, whatever its file
// holds, and that Verify notices all damage that makes a difference.
func endure(t *testing.T, o *original, damaged []byte, hidden bool) {
	t.Helper()
	s := watched{t, Open(o.path, Checked())}
	require.NoError(t, os.WriteFile(s.path, damaged, 0o600))
	leases, cursors, err := s.content()
	faults := s.Verify(ctx)
	if err == nil {
		s.agree()
	}
	if err == nil && faults == nil && !hidden {
		require.True(t, maps.Equal(o.unbooted(), leases), "nobody has noticed that leases have changed")
		require.ElementsMatch(t, slices.Collect(maps.Keys(o.cursors)), slices.Collect(maps.Keys(cursors)))
	}
	// Whatever errors there are have been looked at.
	_ = s.View(ask(o))
	err = s.Update(change(o))
	again := s.Verify(ctx)
	if err == nil && faults == nil {
		require.NoError(t, again)
	}
	_ = s.View(ask(o))
}

// unbooted returns the leases without their boots.
func (o *original) unbooted() map[netip.Addr]backend.Lease {
	leases := maps.Clone(o.leases)
	for a, l := range leases {
		l.Boot = ""
		leases[a] = l
	}
	return leases
}

// eachDamage calls fn with files that are damaged, in each of some ways.
func eachDamage(t *testing.T, ways []damager, fn func(o *original, d damager, damaged []byte)) {
	rnd := newRand(t)
	sizes, times, share := []int{0, 1, 10, 300}, 1, 3
	if exhaustive() {
		sizes, times, share = append(sizes, 3000), 100, 1
	}
	for _, n := range sizes {
		for _, sorted := range []bool{true, false} {
			o := newOriginal(t, rnd, n, sorted)
			for _, d := range ways {
				for range times {
					if rnd.IntN(share) == 0 {
						damaged := d.do(rnd, o, slices.Clone(o.image))
						soon(t, o.name+": "+d.name, func() { fn(o, d, damaged) })
					}
				}
			}
		}
	}
}

func TestCheckedStoreEnduresDamage(t *testing.T) {
	eachDamage(t, damagers(), func(o *original, d damager, damaged []byte) { endure(t, o, damaged, d.hidden) })
}

func TestCheckedStoreEnduresForgery(t *testing.T) {
	eachDamage(t, forgers(), func(o *original, _ damager, damaged []byte) { endure(t, o, damaged, true) })
}

// What bbolt writes passes the check, in whatever order entries come and go.
func TestCheckPassesSoundStores(t *testing.T) {
	rnd := newRand(t)
	times := 5
	if exhaustive() {
		times = 500
	}
	for range times {
		s := watched{t, Open(filepath.Join(t.TempDir(), "net"), Checked())}
		require.NoError(t, s.Update(put("10.0.0.1", "a")))
		space, releases := 1+rnd.IntN(1+rnd.IntN(20000)), rnd.Float64()
		for range 12 {
			require.NoError(t, s.Update(func(b backend.Tx) error {
				t := b.(*tx)
				if err := t.writing(); err != nil {
					return err
				}
				return errors.Join(stir(t.leases, rnd, space, releases), stir(t.owners, rnd, space, releases))
			}))
			s.agree()
		}
	}
}

// stir deletes or puts many entries of a bucket.
func stir(b *bbolt.Bucket, rnd *rand.Rand, space int, releases float64) error {
	n, from, step := rnd.IntN(1+rnd.IntN(space)), rnd.IntN(space), 1+rnd.IntN(3)
	release, value := rnd.Float64() < releases, make([]byte, rnd.IntN(150))
	for i := range n {
		key := binary.BigEndian.AppendUint32(nil, uint32((from+i*step)%space))
		if release {
			if err := b.Delete(key); err != nil {
				return err
			}
			continue
		}
		v := value
		if rnd.IntN(500) == 0 {
			v = make([]byte, rnd.IntN(maxRecord))
		}
		if err := b.Put(key, v); err != nil {
			return err
		}
	}
	return nil
}

// bbolt can be told to do things otherwise than a store tells it.
func TestCheckPassesOtherLayouts(t *testing.T) {
	for name, o := range map[string]bbolt.Options{
		"small pages":           {PageSize: minPageSize},
		"large pages":           {PageSize: maxPageSize},
		"no list of free pages": {NoFreelistSync: true},
		"a long list":           {PageSize: minPageSize, NoSync: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := watched{t, Open(filepath.Join(t.TempDir(), "net"), Checked())}
			db, err := bbolt.Open(s.path, 0o600, &o)
			require.NoError(t, err)
			require.NoError(t, db.Update(createBuckets))
			if name == "a long list" {
				freeMany(t, db)
			}
			require.NoError(t, db.Close())

			s.agree()
			require.NoError(t, s.Update(put("10.0.0.1", "a")))
			s.agree()
			require.Equal(t, []string{"10.0.0.1"}, leased(t, s.Store))
			wipe(t, s.path, 0, metaLen+headerLen) // The size of pages is to be found elsewhere.
			s.agree()
		})
	}
}

// freeMany frees more pages than the header of a page can count.
func freeMany(t *testing.T, db *bbolt.DB) {
	t.Helper()
	require.NoError(t, db.Update(func(b *bbolt.Tx) error {
		return b.Bucket(cursorsBucket).Put([]byte("x"), make([]byte, (longList+2)*minPageSize))
	}))
	require.NoError(t, db.Update(func(b *bbolt.Tx) error { return b.Bucket(cursorsBucket).Delete([]byte("x")) }))
}

// wipe zeros a part of a file.
func wipe(t testing.TB, path string, from, to int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(make([]byte, to-from), from)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// A plugin has no time for more than it needs.
func TestWithoutOptionOnlyPagesInUseAreLookedAt(t *testing.T) {
	o := newOriginal(t, newRand(t), 300, true)
	damaged := slices.Clone(o.image)
	freelist := slices.Index(o.kinds, "freelist")
	clear(damaged[freelist*o.pageSize:][:o.pageSize])
	require.NoError(t, os.WriteFile(o.path, damaged, 0o600))
	look := func(r backend.ReadTx) error {
		for _, err := range r.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	require.NoError(t, Open(o.path).View(ctx, look))
	err := Open(o.path, Checked()).View(ctx, look)
	require.ErrorIs(t, err, backend.ErrDamaged)
	require.ErrorContains(t, err, o.path)
	require.ErrorContains(t, err, fmt.Sprintf("page %d", freelist))
}

func TestCheckedStoreCanBeMadeAndBeAbsent(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"), Checked())
	require.Empty(t, leased(t, s))
	require.NoError(t, s.Update(ctx, put("10.0.0.1", "a")))
	require.Equal(t, []string{"10.0.0.1"}, leased(t, s))
}

func TestVerifyTellsAHundredFaults(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	db, err := bbolt.Open(s.path, 0o600, &bbolt.Options{PageSize: minPageSize})
	require.NoError(t, err)
	require.NoError(t, db.Update(createBuckets))
	require.NoError(t, db.Close())
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
		for a := addr("10.0.0.0"); a != addr("10.0.8.0"); a = a.Next() {
			if err := put(a.String(), "a")(tx); err != nil {
				return err
			}
		}
		return nil
	}))
	image, err := os.ReadFile(s.path)
	require.NoError(t, err)
	wrong := 0
	for p := image[firstPage*minPageSize:]; len(p) > 0; p = p[minPageSize:] {
		if parseHeader(p).kind == leafKind && !bytes.Contains(p[:minPageSize], metaBucket) {
			p[7] ^= 0x80 // It says that it is another page.
			wrong++
		}
	}
	require.NoError(t, os.WriteFile(s.path, image, 0o600))
	err = s.Verify(ctx)
	require.ErrorIs(t, err, backend.ErrDamaged)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, maxFindings+1)
	require.Contains(t, lines[0], s.path)
	require.Contains(t, lines[maxFindings], fmt.Sprintf("and %d more", wrong-maxFindings))
}

func TestVerifyTellsThatAMetaPageIsMissing(t *testing.T) {
	o := newOriginal(t, newRand(t), 10, true)
	for id := range int64(2) {
		require.NoError(t, os.WriteFile(o.path, o.image, 0o600))
		wipe(t, o.path, id*int64(o.pageSize), (id+1)*int64(o.pageSize))
		_, _, err := watched{t, Open(o.path, Checked())}.content()
		require.NoError(t, err, "the other one does")
		require.EqualError(t, Open(o.path).Verify(ctx),
			fmt.Sprintf("%s: store is damaged: page %d, meta: it is none of bbolt's, version 2", o.path, id))
	}
}

// The meta page that is left leads to what was there before the store.
func TestFirstTransactionLostIsDamage(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"), Checked())
	require.NoError(t, s.Update(ctx, put("10.0.0.1", "a")))
	wipe(t, s.path, 0, 4096)
	require.ErrorIs(t, s.View(ctx, func(backend.ReadTx) error { return nil }), backend.ErrDamaged)
	require.ErrorIs(t, s.Verify(ctx), backend.ErrDamaged)
	require.NoError(t, s.Salvage(ctx, func(found Salvage) error {
		require.Len(t, found.Leases, 1)
		return nil
	}))
}

// What somebody else has written is not damaged, and not for us to touch.
func TestWhatIsNoLeaseStoreIsRefused(t *testing.T) {
	for name, write := range map[string]func(*bbolt.Tx) error{
		"another program's file": func(b *bbolt.Tx) error {
			_, err := b.CreateBucket([]byte("v1"))
			return err
		},
		"an empty database": func(*bbolt.Tx) error { return nil },
		"a later version": func(b *bbolt.Tx) error {
			_, err := b.CreateBucket([]byte("what is new"))
			return errors.Join(err, createBuckets(b), b.Bucket(metaBucket).Put(formatKey, []byte{format + 1}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := Open(filepath.Join(t.TempDir(), "net"), Checked())
			db, err := bbolt.Open(s.path, 0o600, nil)
			require.NoError(t, err)
			require.NoError(t, db.Update(write))
			require.NoError(t, db.Close())
			before, err := os.ReadFile(s.path)
			require.NoError(t, err)
			for _, err := range []error{
				s.View(ctx, func(backend.ReadTx) error { return nil }),
				s.Update(ctx, put("10.0.0.1", "a")),
				s.Verify(ctx),
				s.Salvage(ctx, func(Salvage) error { return nil }),
			} {
				require.ErrorIs(t, err, backend.ErrFormat)
				require.ErrorContains(t, err, s.path)
			}
			after, err := os.ReadFile(s.path)
			require.NoError(t, err)
			require.Equal(t, before, after)
		})
	}
}

// Whatever a file holds, nobody panics, hangs or makes up leases.
func FuzzCheck(f *testing.F) {
	rnd := newRand(f)
	for _, n := range []int{0, 1, 10} {
		f.Add(newOriginal(f, rnd, n, true).used(), true)
	}
	for _, b := range [][]byte{nil, []byte("rubbish"), make([]byte, 8192)} {
		f.Add(b, false)
	}
	f.Fuzz(func(t *testing.T, b []byte, sealed bool) {
		if sealed {
			seal(b, 4096)
		}
		o := &original{path: filepath.Join(t.TempDir(), "net"), leases: map[netip.Addr]backend.Lease{addr("10.0.0.1"): full}}
		soon(t, "one of these", func() {
			if _, err := salvaged(t, o, b); err != nil {
				require.ErrorIs(t, err, backend.ErrFormat)
			}
			endure(t, o, b, true)
		})
	})
}

// used returns the part of the file that has ever been used.
func (o *original) used() []byte { return o.image[:o.pages*o.pageSize] }
