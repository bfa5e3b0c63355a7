package bolt

import (
	"reflect"
	"sync"
	"unsafe"

	"go.etcd.io/bbolt"
)

// emptyPool takes out the pages that a closed DB has put by for its next transaction,
// which will not come.
//
// What is in a [sync.Pool] outlives one garbage collection. If nearly all that is allocated
// gets into one, as where transaction follows transaction, each collection finds that nearly
// all of it is in use; and with GOGC above 100 it lets the heap grow to more than twice that
// before the next, and so on without end.
func emptyPool(db *bbolt.DB) {
	pool := pagePool(db)
	if pool == nil {
		return
	}
	pool.New = nil
	for pool.Get() != nil {
	}
}

// pagePool returns the pool of a DB, which has no other name for it, or nil if there is
// none in this version of bbolt.
func pagePool(db *bbolt.DB) *sync.Pool {
	f, ok := reflect.TypeFor[bbolt.DB]().FieldByName("pagePool")
	if !ok || f.Type != reflect.TypeFor[sync.Pool]() {
		return nil
	}
	return (*sync.Pool)(unsafe.Add(unsafe.Pointer(db), f.Offset))
}
