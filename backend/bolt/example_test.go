package bolt_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

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
	pool, err := newPool("10.88.0.0/16")
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

// newPool returns a pool of all addresses of a subnet.
func newPool(subnet string) (allocator.Pool, error) {
	r, err := allocator.NewRange(allocator.RangeSpec{Subnet: netip.MustParsePrefix(subnet)})
	if err != nil {
		return allocator.Pool{}, err
	}
	set, err := allocator.NewSet(r)
	if err != nil {
		return allocator.Pool{}, err
	}
	return allocator.NewPool(set)
}

// Goroutines that share one Store share transactions: all that wait while another
// commits go together into the next one, and wait for its two syncs together. So the
// more they are, the more leases a second there are, each as durable as if it were alone.
func Example_manyGoroutines() {
	dir, err := os.MkdirTemp("", "leases")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	pool, err := newPool("10.88.0.0/16")
	if err != nil {
		log.Fatal(err)
	}
	store := bolt.Open(filepath.Join(dir, "podnet"))
	defer store.Close()
	a := allocator.New(store, pool, allocator.Options{})

	ctx := context.Background()
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			owner := backend.Owner{ContainerID: fmt.Sprint("c", i), IfName: "eth0"}
			if _, err := a.Allocate(ctx, allocator.Request{Owner: owner}); err != nil {
				log.Print(err)
			}
		})
	}
	all.Wait()

	err = store.View(ctx, func(tx backend.ReadTx) error {
		usage, err := pool.Usage(tx)
		if err == nil {
			fmt.Println(usage[0].Leased, "leased,", usage[0].Free, "free")
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: 100 leased, 65433 free
}
