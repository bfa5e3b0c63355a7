package bolt_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
)

// A runtime that links the library leases an address and gives it back.
func Example() {
	dir, err := os.MkdirTemp("", "leases")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := lease(context.Background(), filepath.Join(dir, "podnet")); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 10.88.0.2/16 via 10.88.0.1
	// released 10.88.0.2
}

func lease(ctx context.Context, path string) error {
	r, err := allocator.NewRange(allocator.RangeSpec{Subnet: netip.MustParsePrefix("10.88.0.0/16")})
	if err != nil {
		return err
	}
	set, err := allocator.NewSet(r)
	if err != nil {
		return err
	}
	pool, err := allocator.NewPool(set)
	if err != nil {
		return err
	}

	store := bolt.Open(path)
	defer store.Close()
	owner := backend.Owner{ContainerID: "b552f9", IfName: "eth0"}
	got, err := allocator.New(store, pool, allocator.Options{}).Allocate(ctx, allocator.Request{Owner: owner})
	if err != nil {
		return err
	}
	fmt.Println(got[0].Addr, "via", got[0].Gateway)

	released, err := allocator.Release(ctx, store, owner)
	if err != nil {
		return err
	}
	fmt.Println("released", released[0].Addr)
	return nil
}
