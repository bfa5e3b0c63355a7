package bolt

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/disk"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// If only the pages in use are allocated, as on a copy-on-write file system, a Delete on a full
// disk takes the spare file, once.
func TestDeleteTakesTheSpareFile(t *testing.T) {
	dir := smallDisk(t, "16m")
	s := Open(filepath.Join(dir, "net"))
	addrs := lease(t, s, 500)
	makeSpare(t, s)
	punch(t, s)
	stuff(t, dir)
	for _, a := range addrs {
		require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.Delete(a) }))
	}
	require.Empty(t, leased(t, s))
	require.NoError(t, s.Verify(ctx))
	require.NoFileExists(t, s.sparePath())
}

// The spare file is for Deletes alone.
func TestPutLeavesTheSpareFile(t *testing.T) {
	dir := smallDisk(t, "16m")
	s := Open(filepath.Join(dir, "net"))
	lease(t, s, 10)
	makeSpare(t, s)
	punch(t, s)
	stuff(t, dir)
	require.ErrorIs(t, s.Update(ctx, put("10.1.0.0", "new")), backend.ErrNoSpace)
	require.FileExists(t, s.sparePath())
	require.Len(t, leased(t, s), 10)
}

func TestDeleteWithoutSpaceOrSpareFile(t *testing.T) {
	dir := smallDisk(t, "16m")
	s := Open(filepath.Join(dir, "net"))
	addrs := lease(t, s, 10)
	punch(t, s)
	stuff(t, dir)
	for range 2 { // The first must not leave anything that stops the second.
		err := s.Update(ctx, func(tx backend.Tx) error { return tx.Delete(addrs[0]) })
		require.ErrorIs(t, err, backend.ErrNoSpace)
		require.ErrorIs(t, err, unix.ENOSPC)
		require.ErrorContains(t, err, s.path+": no space left to release a lease")
	}
	require.Len(t, leased(t, s), 10)
	require.NoError(t, os.Remove(filepath.Join(dir, "garbage")))
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.Delete(addrs[0]) }))
}

// Where overwriting needs no space, as here, there is no spare file.
func TestNoSpareFileOnMemory(t *testing.T) {
	dir := smallDisk(t, "16m")
	s := Open(filepath.Join(dir, "net"))
	lease(t, s, 10)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// makeSpare makes the spare file of a store on a file system that needs none.
func makeSpare(t *testing.T, s *Store) {
	t.Helper()
	disk.MakeSpare(s.sparePath())
	require.FileExists(t, s.sparePath())
}

// punch deallocates all pages of a store that are not in use.
func punch(t *testing.T, s *Store) {
	t.Helper()
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	info, err := f.Stat()
	require.NoError(t, err)
	p, metas := page.Open(f, info.Size())
	id, ok := metas.Latest()
	require.True(t, ok)
	m := metas[id].Meta
	free, err := p.FreePages(m, page.NewBitmap(m.End))
	require.NoError(t, err)
	for id := uint64(page.First); id < p.Pages(); id++ {
		if id >= m.End || free.Has(id) {
			const mode = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
			require.NoError(t, unix.Fallocate(int(f.Fd()), mode, int64(id)*p.PageSize, p.PageSize))
		}
	}
}

// interruptOnFullDisk leaves a store on a full file system, with a transaction to revoke. The end of
// the meta page to overwrite is not allocated, as if the file system wrote to new blocks.
func interruptOnFullDisk(t *testing.T, spare bool) (s *Store, leases []string) {
	t.Helper()
	const pageSize = 16 << 10 // larger than the pages of tmpfs, which are allocated one by one
	dir := smallDisk(t, "16m")
	s = Open(filepath.Join(dir, "net"))
	db, err := bbolt.Open(s.path, 0o600, &bbolt.Options{PageSize: pageSize})
	require.NoError(t, err)
	require.NoError(t, db.Update(createBuckets))
	require.NoError(t, db.Close())
	lease(t, s, 10)
	leases = leased(t, s)
	before := read(t, s.path)
	require.NoError(t, s.Update(ctx, put("10.1.0.0", "interrupted")))
	content := read(t, s.path)
	id, size := metaOf(t, content)
	require.EqualValues(t, pageSize, size)
	copy(content[(1-id)*pageSize:][:pageSize], before[(1-id)*pageSize:])
	clear(content[id*pageSize:][page.HeaderLen+page.MetaLen : page.SectorLen])
	write(t, s.path, content)
	require.Equal(t, page.Interrupted, outcomeAt(t, s.path))

	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	require.NoError(t, err)
	first := int64(os.Getpagesize())
	const mode = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	require.NoError(t, unix.Fallocate(int(f.Fd()), mode, int64(id)*pageSize+first, pageSize-first))
	require.NoError(t, f.Close())
	if spare {
		makeSpare(t, s)
	}
	stuff(t, dir)
	return s, leases
}

// Revoking a transaction takes the spare file if it has to.
func TestRevokingTakesTheSpareFile(t *testing.T) {
	s, leases := interruptOnFullDisk(t, true)
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.Delete(addr(leases[0])) }))
	require.Equal(t, leases[1:], leased(t, s))
	require.NoFileExists(t, s.sparePath())
	require.NoError(t, s.Verify(ctx))
}

func TestRevokingWithoutSpaceOrSpareFile(t *testing.T) {
	s, leases := interruptOnFullDisk(t, false)
	err := s.Update(ctx, func(tx backend.Tx) error { return tx.Delete(addr(leases[0])) })
	require.ErrorIs(t, err, backend.ErrNoSpace)
	require.ErrorIs(t, err, unix.ENOSPC)
	require.ErrorContains(t, err, s.path+": ")
	require.ErrorContains(t, err, "revoke a transaction that was interrupted or failed")
	require.Equal(t, leases, leased(t, s))
	require.NoError(t, os.Remove(filepath.Join(filepath.Dir(s.path), "garbage")))
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.Delete(addr(leases[0])) }))
	require.Equal(t, leases[1:], leased(t, s))
}
