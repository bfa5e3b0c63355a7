package bolt

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"runtime/debug"

	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/internal/durable"
)

// A bulk writes a new file, in the order of the keys of each bucket: so pages are
// written full and, but for the last of each bucket, once.
//
// While a batch of items is being written, in a goroutine, the next is gathered.
type bulk struct {
	session *session
	batch   []item
	written chan error // how the batch before went, once it is done
	kept    bool
	dropped bool
}

// An item is to be put into a bucket.
type item struct{ bucket, key, value []byte }

// batchLen is how many items a transaction of bbolt writes, which holds them in
// memory, with the pages that they become.
const batchLen = 8192

func newBulk(path string, f *os.File) *bulk {
	b := &bulk{session: &session{store: Open(path), file: f, how: creating, sound: true}, written: make(chan error, 1)}
	b.written <- nil
	return b
}

// begin opens the file with bbolt, which is to sync nothing by itself, and to leave it
// to the writes that the file gets longer: so it has no holes.
func (b *bulk) begin() error {
	if err := b.session.guard(b.session.begin); err != nil {
		return err
	}
	b.session.db.NoSync, b.session.db.NoGrowSync = true, true
	return nil
}

func (b *bulk) put(bucket, key, value []byte) error {
	b.batch = append(b.batch, item{bucket, key, value})
	if len(b.batch) < batchLen {
		return nil
	}
	return b.flush()
}

// flush has the batch written once the one before is.
func (b *bulk) flush() error {
	if err := b.settle(); err != nil {
		return err
	}
	batch := b.batch
	b.batch = make([]item, 0, batchLen)
	<-b.written
	go func() {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		b.written <- b.session.guard(func() error { return b.write(batch) })
	}()
	return nil
}

// settle waits until nothing is being written, and says how that went.
func (b *bulk) settle() error {
	err := <-b.written
	b.written <- err
	return err
}

// write writes a batch in a transaction, and begins the next.
func (b *bulk) write(batch []item) error {
	t := b.session
	var bucket *bbolt.Bucket
	var name []byte
	for _, i := range batch {
		if !bytes.Equal(name, i.bucket) {
			name = i.bucket
			bucket = t.bolt.Bucket(name)
			bucket.FillPercent = fill(name)
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

func fill(bucket []byte) float64 {
	if bytes.Equal(bucket, ownersBucket) {
		return ownerFill
	}
	return addrFill
}

// keep makes all of it durable. The file gets room for the Deletes of the container
// that has most leases, as if these had been put by one transaction.
func (b *bulk) keep(most int) error {
	if err := cmp.Or(b.flush(), b.settle()); err != nil {
		return err
	}
	if err := b.session.guard(func() error { return b.reserve(most) }); err != nil {
		return err
	}
	if err := cmp.Or(b.session.file.Sync(), b.close()); err != nil {
		return b.session.store.explain(err)
	}
	if err := durable.SyncDir(filepath.Dir(b.session.store.path)); err != nil {
		return err
	}
	b.kept = true
	return nil
}

// reserve has the file allocated ahead.
func (b *bulk) reserve(most int) error {
	t := b.session
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	if t.size = info.Size(); allocated(info) {
		t.room = t.size
	}
	if most == 0 {
		return nil
	}
	return (&tx{session: t, puts: min(most, manyPuts) - 1}).makeRoom()
}

// drop removes the file, unless it is to be kept.
func (b *bulk) drop() error {
	if b.kept || b.dropped {
		return nil
	}
	b.dropped = true
	_ = b.settle() // What had been written goes.
	_ = b.close()  // So does the file, whatever its last words are.
	return os.Remove(b.session.store.path)
}

// close gives the file back. It can be done again.
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
