package backend_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

// An audited store wraps another store and prints what each transaction has changed.
type audited struct{ backend.Store }

// Update implements [backend.Store].
func (s audited) Update(ctx context.Context, fn func(backend.Tx) error) error {
	var changes []string
	err := s.Store.Update(ctx, func(tx backend.Tx) error { return fn(auditedTx{tx, &changes}) })
	if err != nil {
		return err // Nothing was changed.
	}
	for _, c := range changes {
		fmt.Println(c)
	}
	return nil
}

// An auditedTx records the changes of a transaction.
type auditedTx struct {
	backend.Tx
	changes *[]string
}

func (t auditedTx) Put(l backend.Lease) error {
	if err := t.Tx.Put(l); err != nil {
		return err
	}
	*t.changes = append(*t.changes, fmt.Sprintf("leased %s to %s", l.Addr, l.Owner))
	return nil
}

func (t auditedTx) Delete(addr netip.Addr) error {
	if err := t.Tx.Delete(addr); err != nil {
		return err
	}
	*t.changes = append(*t.changes, fmt.Sprintf("released %s", addr))
	return nil
}

// A store can be built on another one. A store from scratch implements all methods of
// [backend.Store], [backend.ReadTx] and [backend.Tx]; packages storekit and backendtest
// help with that.
func Example_store() {
	ctx, store := context.Background(), audited{memory.New()}
	first, last := netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.9")
	err := store.Update(ctx, func(tx backend.Tx) error {
		addr, err := tx.NextFree(first, last)
		if err != nil {
			return err
		}
		return tx.Put(backend.Lease{Addr: addr, Owner: backend.Owner{ContainerID: "b552f9", IfName: "eth0"}})
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := store.Update(ctx, func(tx backend.Tx) error { return tx.Delete(first) }); err != nil {
		log.Fatal(err)
	}
	// Output:
	// leased 10.0.0.2 to b552f9 (eth0)
	// released 10.0.0.2
}
