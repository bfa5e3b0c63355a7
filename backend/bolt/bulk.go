package bolt

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"runtime/debug"

	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend/bolt/internal/disk"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/internal/durable"
)

// A bulk writes a new file, each bucket in the order of its keys. So pages are written full
// and, but for the last one of each bucket, once.
//
// While a goroutine writes one chunk of items, the next one is collected.
type bulk struct {
	session *session
	chunk   []item
	written chan error // the result of the chunk before, once it is written
	kept    bool
	dropped bool
}

// An item is a key and value for a bucket.
type item struct{ bucket, key, value []byte }

// chunkLen is how many items a transaction of bbolt writes, which holds them in memory
// together with their pages.
const chunkLen = 8192

func newBulk(path string, f *os.File) *bulk {
	b := &bulk{session: &session{store: Open(path), file: f, mode: creating, sound: true}, written: make(chan error, 1)}
	b.written <- nil
	return b
}

// begin opens the file with bbolt, which neither syncs it nor extends it: it gets longer by
// being written, and so has no holes.
func (b *bulk) begin() error {
	if err := b.session.guard(b.session.begin); err != nil {
		return err
	}
	b.session.db.NoSync, b.session.db.NoGrowSync = true, true
	return nil
}

func (b *bulk) put(bucket, key, value []byte) error {
	b.chunk = append(b.chunk, item{bucket, key, value})
	if len(b.chunk) < chunkLen {
		return nil
	}
	return b.flush()
}

// flush starts to write the chunk once the one before is written.
func (b *bulk) flush() error {
	if err := b.wait(); err != nil {
		return err
	}
	chunk := b.chunk
	b.chunk = make([]item, 0, chunkLen)
	<-b.written // Nothing is lost: wait has returned the same error.
	go func() {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		b.written <- b.session.guard(func() error { return b.write(chunk) })
	}()
	return nil
}

// wait waits until no chunk is being written, and returns the result of the last one.
func (b *bulk) wait() error {
	err := <-b.written
	b.written <- err
	return err
}

// write writes a chunk in a transaction, and begins the next one.
func (b *bulk) write(chunk []item) error {
	t := b.session
	var bucket *bbolt.Bucket
	var name []byte
	for _, i := range chunk {
		if !bytes.Equal(name, i.bucket) {
			name = i.bucket
			bucket = t.bolt.Bucket(name)
			bucket.FillPercent = fillPercent(name)
		}
		if err := bucket.Put(i.key, i.value); err != nil {
			return err
		}
	}
	if err := t.bolt.Commit(); err != nil {
		return err
	}
	var err error
	t.bolt, err = t.db.Begin(true)
	return err
}

func fillPercent(bucket []byte) float64 {
	switch {
	case bytes.Equal(bucket, format.OwnersBucket), bytes.Equal(bucket, format.LatestBucket):
		return ownerFill
	case bytes.Equal(bucket, format.HistoryBucket):
		return historyFill
	}
	return addrFill
}

// keep makes the file durable. It gets room for the Deletes of the container with the most
// leases, as if one transaction had put these.
func (b *bulk) keep(most int) error {
	if err := cmp.Or(b.flush(), b.wait()); err != nil {
		return err
	}
	if err := b.session.guard(func() error { return b.reserve(most) }); err != nil {
		return err
	}
	// The receipt is left to the next Update, which syncs the directory, too.
	if err := b.session.writeSeal(uint64(b.session.bolt.ID()) - 1); err != nil { // The next one has begun.
		return b.session.store.wrapErr(err)
	}
	if err := cmp.Or(b.session.file.Sync(), b.close()); err != nil {
		return b.session.store.wrapErr(err)
	}
	if err := durable.SyncDir(filepath.Dir(b.session.store.path)); err != nil {
		return err
	}
	b.kept = true
	return nil
}

// reserve allocates room for Deletes.
func (b *bulk) reserve(most int) error {
	t := b.session
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	if t.size = info.Size(); disk.HasNoHoles(info) {
		t.room = t.size
	}
	if most == 0 {
		return nil
	}
	return (&tx{session: t, puts: min(most, bulkPuts) - 1}).makeRoom()
}

// drop removes the file, unless it was kept.
func (b *bulk) drop() error {
	if b.kept || b.dropped {
		return nil
	}
	b.dropped = true
	_ = b.wait()  // The file is removed, whatever happened to it.
	_ = b.close() // Likewise.
	return os.Remove(b.session.store.path)
}

// close closes the file. It can be called again.
func (b *bulk) close() error {
	t := b.session
	if t.damage != nil || t.db == nil {
		return t.file.Close()
	}
	return t.guard(func() error {
		if t.bolt != nil {
			_ = t.bolt.Rollback() // It wrote nothing, or has ended already.
		}
		return t.db.Close()
	})
}
