package page

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
)

// A sealed database seals each transaction, as the bolt store does.
type sealedDB struct {
	*testing.T
	path    string
	db      *bbolt.DB
	content []byte // before the transaction
}

func newSealedDB(t *testing.T) *sealedDB {
	d := &sealedDB{T: t, path: filepath.Join(t.TempDir(), "db")}
	db, err := bbolt.Open(d.path, 0o600, &bbolt.Options{PageSize: MinSize, NoSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	d.db = db
	return d
}

// update changes entries at random, and returns the sealer of that transaction.
func (d *sealedDB) update(rnd *rand.Rand) Sealer {
	d.Helper()
	var err error
	d.content, err = os.ReadFile(d.path)
	require.NoError(d, err)
	before, m := latest(d.content)
	free, err := before.FreePages(m, NewBitmap(m.End))
	require.NoError(d, err)
	require.NoError(d, d.db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte{byte(rnd.IntN(3))})
		for range 1 + rnd.IntN(40) {
			key := binary.BigEndian.AppendUint16(nil, uint16(rnd.IntN(2000)))
			if err == nil && rnd.IntN(3) == 0 {
				err = b.Delete(key)
			} else if err == nil {
				err = b.Put(key, bytes.Repeat(key, rnd.IntN(900)))
			}
		}
		return err
	}))
	content, err := os.ReadFile(d.path)
	require.NoError(d, err)
	f, metas := Open(bytes.NewReader(content), int64(len(content)))
	id, _ := metas.Latest()
	return Sealer{File: f, ID: id, Meta: metas[id].Meta, Free: free, End: m.End}
}

func (d *sealedDB) writeAt(sector []byte, id int) {
	d.Helper()
	f, err := os.OpenFile(d.path, os.O_WRONLY, 0)
	require.NoError(d, err)
	_, err = f.WriteAt(sector, int64(id)*MinSize)
	require.NoError(d, err)
	require.NoError(d, f.Close())
}

func outcomeOf(content []byte) (Outcome, error) {
	f, metas := Open(bytes.NewReader(content), int64(len(content)))
	return f.Outcome(metas)
}

// All pages that a transaction has written are found by a walk of the new pages.
func TestWrittenPagesAreFound(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	d := newSealedDB(t)
	pages, updates := 0, 400
	if testing.Short() {
		updates = 100
	}
	for range updates {
		s := d.update(rnd)
		written, err := s.written()
		require.NoError(t, err)
		found := map[uint64]bool{}
		for _, p := range written {
			require.True(t, p.id >= s.End || s.Free.Has(p.id))
			for i := range uint64(len(p.content) / MinSize) {
				found[p.id+i] = true
			}
		}
		for id := uint64(First); id < s.Meta.End; id++ {
			now := make([]byte, MinSize)
			_, err := s.ReadAt(now, int64(id)*MinSize)
			require.NoError(t, err)
			if at := int(id) * MinSize; at >= len(d.content) || !bytes.Equal(now, d.content[at:][:MinSize]) {
				// bbolt extends the file by more than it writes.
				require.True(t, found[id] || bytes.Equal(now, make([]byte, MinSize)), "page %d", id)
			}
		}
		pages += len(found)
	}
	require.Greater(t, pages, 10*updates)
}

// Each bit of what a transaction has written counts, and each bit of its seal.
func TestSealCoversEverything(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	d := newSealedDB(t)
	s := d.update(rnd)
	sector, err := s.SyncedSector()
	require.NoError(t, err)
	d.writeAt(sector, s.ID)
	for range 30 {
		s := d.update(rnd)
		unsealed, err := os.ReadFile(d.path)
		require.NoError(t, err)
		o, err := outcomeOf(unsealed)
		require.NoError(t, err)
		require.Equal(t, Interrupted, o)

		sector, err := s.Sector()
		require.NoError(t, err)
		require.NotNil(t, sector)
		d.writeAt(sector, s.ID)
		sealed, err := os.ReadFile(d.path)
		require.NoError(t, err)
		o, err = outcomeOf(sealed)
		require.NoError(t, err)
		require.Equal(t, Sealed, o)

		_, metas := Open(bytes.NewReader(sealed), int64(len(sealed)))
		require.True(t, metas.CanSeal())
		for _, id := range metas[s.ID].Seal.pages {
			damaged := slices.Clone(sealed)
			damaged[int(id)*MinSize+rnd.IntN(MinSize)] ^= 1 << rnd.IntN(8)
			o, err := outcomeOf(damaged)
			require.NoError(t, err)
			require.Equal(t, Interrupted, o, "page %d", id)
		}
		damaged := slices.Clone(sealed)
		damaged[s.ID*MinSize+sealOffset+rnd.IntN(SectorLen-sealOffset)] ^= 1 << rnd.IntN(8)
		_, err = outcomeOf(damaged)
		require.ErrorAs(t, err, new(*SealError), "no power cut leaves half a sector")

		sector, err = s.Receipt()
		require.NoError(t, err)
		receipted := slices.Clone(sealed)
		copy(receipted[(1-s.ID)*MinSize:], sector)
		o, err = outcomeOf(receipted)
		require.NoError(t, err)
		require.Equal(t, Durable, o)
	}
}

// A file that stock bbolt has written has no seals, and its last transaction counts.
func TestFileWithoutSeals(t *testing.T) {
	content, _ := newFile(t)
	o, err := outcomeOf(content)
	require.NoError(t, err)
	require.Equal(t, Unsealed, o)
	_, metas := Open(bytes.NewReader(content), int64(len(content)))
	require.False(t, metas.CanSeal())
}

// bbolt copies a corrupt reference with the page that it is on. Then it cannot be told which pages a
// transaction has written.
func TestNoListOfPagesWithACorruptReference(t *testing.T) {
	d, rnd := newSealedDB(t), rand.New(rand.NewPCG(1, 1))
	tried := 0
	for range 30 {
		s := d.update(rnd)
		written, err := s.written()
		require.NoError(t, err)
		content, err := os.ReadFile(d.path)
		require.NoError(t, err)
		for _, p := range written {
			if ParseHeader(p.content).Kind != BranchKind {
				continue
			}
			for _, to := range []uint64{s.Pages(), 1 << 40, p.id} {
				corrupt := bytes.Clone(content)
				binary.NativeEndian.PutUint64(corrupt[p.id*MinSize+HeaderLen+8:], to)
				s.File, _ = Open(bytes.NewReader(corrupt), int64(len(corrupt)))
				sector, err := s.Sector()
				require.NoError(t, err)
				require.Nil(t, sector, "page %d leads to %d", p.id, to)
				tried++
			}
		}
	}
	require.Positive(t, tried)
}
