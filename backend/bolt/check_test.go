package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

func TestCheckedStoreEnduresDamage(t *testing.T) {
	eachDamage(t, damagers(), func(o *original, d damager, damaged []byte) { endure(t, o, damaged, d.hidden) })
}

func TestCheckedStoreEnduresForgery(t *testing.T) {
	eachDamage(t, forgers(), func(o *original, _ damager, damaged []byte) { endure(t, o, damaged, true) })
}

// What bbolt writes passes the check, in whatever order entries are put and deleted.
func TestCheckPassesSoundStores(t *testing.T) {
	rnd := newRand(t)
	times := 5
	switch {
	case exhaustive():
		times = 500
	case testing.Short():
		times = 2
	}
	for range times {
		s := watched{t, Open(filepath.Join(t.TempDir(), "net"), Checked())}
		require.NoError(t, s.Update(put("10.0.0.1", "a")))
		space, releases := 1+rnd.IntN(1+rnd.IntN(20000)), rnd.Float64()
		for range 12 {
			require.NoError(t, s.Update(func(b backend.Tx) error {
				t := b.(*tx)
				if err := t.beginWriting(); err != nil {
					return err
				}
				return errors.Join(stir(t.leases.bbolt, rnd, space, releases), stir(t.owners.bbolt, rnd, space, releases))
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
			v = make([]byte, rnd.IntN(format.MaxRecord))
		}
		if err := b.Put(key, v); err != nil {
			return err
		}
	}
	return nil
}

// bbolt has options that a store does not use.
func TestCheckPassesOtherLayouts(t *testing.T) {
	for name, o := range map[string]bbolt.Options{
		"small pages":     {PageSize: page.MinSize},
		"large pages":     {PageSize: page.MaxSize},
		"no freelist":     {NoFreelistSync: true},
		"a long freelist": {PageSize: page.MinSize, NoSync: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := watched{t, Open(filepath.Join(t.TempDir(), "net"), Checked())}
			db, err := bbolt.Open(s.path, 0o600, &o)
			require.NoError(t, err)
			require.NoError(t, db.Update(createBuckets))
			if name == "a long freelist" {
				freeMany(t, db)
			}
			require.NoError(t, db.Close())

			s.agree()
			require.NoError(t, s.Update(put("10.0.0.1", "a")))
			s.agree()
			require.Equal(t, []string{"10.0.0.1"}, leased(t, s.Store))
			if last, _ := metaOf(t, read(t, s.path)); last == 0 {
				require.NoError(t, s.Update(put("10.0.0.2", "b")), "writes the other meta page")
			}
			wipe(t, s.path, 0, page.MetaLen+page.HeaderLen) // The page size has to be found elsewhere.
			s.agree()
		})
	}
}

// freeMany frees more pages than the header of a page can count.
func freeMany(t *testing.T, db *bbolt.DB) {
	t.Helper()
	require.NoError(t, db.Update(func(b *bbolt.Tx) error {
		return b.Bucket(format.CursorsBucket).Put([]byte("x"), make([]byte, (page.LongList+2)*page.MinSize))
	}))
	require.NoError(t, db.Update(func(b *bbolt.Tx) error { return b.Bucket(format.CursorsBucket).Delete([]byte("x")) }))
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
func TestWithoutOptionOnlyUsedPagesAreChecked(t *testing.T) {
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

func TestVerifyReportsAHundredFaults(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	db, err := bbolt.Open(s.path, 0o600, &bbolt.Options{PageSize: page.MinSize})
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
	for p := image[page.First*page.MinSize:]; len(p) > 0; p = p[page.MinSize:] {
		if page.ParseHeader(p).Kind == page.LeafKind && !bytes.Contains(p[:page.MinSize], format.MetaBucket) {
			p[7] ^= 0x80 // It says that it is another page.
			wrong++
		}
	}
	require.NoError(t, os.WriteFile(s.path, image, 0o600))
	err = s.Verify(ctx)
	require.ErrorIs(t, err, backend.ErrDamaged)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 100+1)
	require.Contains(t, lines[0], s.path)
	require.Contains(t, lines[100], fmt.Sprintf("and %d more", wrong-100))
}

// A record is reached by its key and by the owners index.
func TestVerifyReportsARecordOnce(t *testing.T) {
	o := newOriginal(t, newRand(t), 10, true)
	for a, at := range o.live {
		damaged := slices.Clone(o.image)
		damaged[at.to-1] ^= 1
		require.NoError(t, os.WriteFile(o.path, damaged, 0o600))
		require.EqualError(t, Open(o.path).Verify(ctx),
			fmt.Sprintf("%s: store is damaged: lease of %s: record has a wrong checksum", o.path, a))
	}
}

func TestVerifyReportsALostMetaPage(t *testing.T) {
	o := newOriginal(t, newRand(t), 10, true)
	for id := range int64(2) {
		require.NoError(t, os.WriteFile(o.path, o.image, 0o600))
		wipe(t, o.path, id*int64(o.pageSize), (id+1)*int64(o.pageSize))
		_, _, err := watched{t, Open(o.path, Checked())}.content()
		fault := fmt.Sprintf("%s: store is damaged: page %d, meta page: not a bbolt v2 meta page", o.path, id)
		if last, _ := metaOf(t, o.image); last == int(id) {
			require.ErrorIs(t, err, backend.ErrDamaged, "the other one has the receipt")
			require.ErrorContains(t, err, "was durable, and its meta page is lost")
			require.ErrorContains(t, Open(o.path).Verify(ctx), fault)
			continue
		}
		require.NoError(t, err, "the last one does")
		require.EqualError(t, Open(o.path).Verify(ctx), fault)
	}
}

// The meta page that is left is of the empty file before the first transaction.
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

// A file of another program is not damaged, and is left alone.
func TestFileThatIsNotALeaseStoreIsRejected(t *testing.T) {
	for name, write := range map[string]func(*bbolt.Tx) error{
		"another program's file": func(b *bbolt.Tx) error {
			_, err := b.CreateBucket([]byte("v1"))
			return err
		},
		"an empty database": func(*bbolt.Tx) error { return nil },
		"a later version": func(b *bbolt.Tx) error {
			_, err := b.CreateBucket([]byte("what is new"))
			return errors.Join(err, createBuckets(b), b.Bucket(format.MetaBucket).Put(format.VersionKey, []byte{format.SharedVersion + 1}))
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

// Whatever a file holds, nothing panics, hangs or invents leases.
func FuzzCheck(f *testing.F) {
	rnd := newRand(f)
	for _, n := range []int{0, 1, 10} {
		f.Add(newOriginal(f, rnd, n, true).used(), true)
	}
	for _, b := range [][]byte{nil, []byte("garbage"), make([]byte, 8192)} {
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
