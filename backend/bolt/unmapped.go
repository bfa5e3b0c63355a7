package bolt

import (
	"fmt"
	"syscall"

	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// unmapped returns an error if p is the panic of the runtime for a page of the file that the disk
// did not give when it was read through memory. It returns nil for any other panic: a corrupt page
// has led bbolt beyond the file, or the file was truncated.
func (t *session) unmapped(p any) error {
	fault, ok := p.(interface{ Addr() uintptr }) // see debug.SetPanicOnFault
	if !ok {
		return nil
	}
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	i := mappingOf(t.db)
	if i == nil { // bbolt was opening the file, and had read nothing but the first pages.
		_, _, err := metaPagesOf(t.file)
		return err
	}
	at := int64(fault.Addr() - i.Data)
	if fault.Addr() < i.Data || at >= info.Size() {
		return nil
	}
	size := int64(i.PageSize)
	b := make([]byte, min(size, info.Size()-at/size*size))
	if _, err = t.file.ReadAt(b, at/size*size); err == nil {
		err = fmt.Errorf("%w, and it can be read again", syscall.EIO)
	}
	return page.Fault{Page: uint64(at / size), Part: "in use", Err: fmt.Errorf("page cannot be read: %w", err)}
}

// mappingOf returns where the file is in memory, or nil if it is not. It takes no lock.
func mappingOf(db *bbolt.DB) (i *bbolt.Info) {
	if db == nil {
		return nil
	}
	defer func() {
		if recover() != nil {
			i = nil // bbolt failed to map it again after it had grown.
		}
	}()
	return db.Info()
}
