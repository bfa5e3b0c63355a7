package allocator_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

// examplePool returns a pool of one set, 10.0.0.0/29, for the examples.
func examplePool() allocator.Pool {
	r, err := allocator.NewRange(allocator.RangeSpec{Subnet: netip.MustParsePrefix("10.0.0.0/29")})
	if err != nil {
		log.Fatal(err)
	}
	set, err := allocator.NewSet(r)
	if err != nil {
		log.Fatal(err)
	}
	pool, err := allocator.NewPool(set)
	if err != nil {
		log.Fatal(err)
	}
	return pool
}

func Example() {
	ctx := context.Background()
	store := memory.New() // a program keeps its leases in backend/bolt or backend/files
	defer store.Close()

	a := allocator.New(store, examplePool(), allocator.Options{})
	owner := backend.Owner{ContainerID: "b552f9", IfName: "eth0"}
	got, err := a.Allocate(ctx, allocator.Request{Owner: owner})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(got[0].Addr, "via", got[0].Gateway)

	released, err := allocator.Release(ctx, store, owner)
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range released {
		fmt.Println("released", l.Addr)
	}
	// Output:
	// 10.0.0.2/29 via 10.0.0.1
	// released 10.0.0.2
}

func ExampleAllocator_Allocate_requested() {
	a := allocator.New(memory.New(), examplePool(), allocator.Options{})
	for _, id := range []string{"b552f9", "0c1d2e"} {
		got, err := a.Allocate(context.Background(), allocator.Request{
			Owner: backend.Owner{ContainerID: id, IfName: "eth0"},
			Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.5")},
		})
		var taken *allocator.TakenError
		switch {
		case errors.As(err, &taken):
			fmt.Println(taken.Addr, "is held by", taken.Holder.Owner)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(got[0].Addr, "leased")
		}
	}
	// Output:
	// 10.0.0.5/29 leased
	// 10.0.0.5 is held by b552f9 (eth0)
}

// A pool of two sets, one of IPv4 and one of IPv6 addresses. An attachment gets one address
// of each, or none: both are leased in one transaction.
func ExampleAllocator_Allocate_bothFamilies() {
	var sets []allocator.Set
	for _, subnet := range []string{"10.0.0.0/29", "fd00::/125"} {
		r, err := allocator.NewRange(allocator.RangeSpec{Subnet: netip.MustParsePrefix(subnet)})
		if err != nil {
			log.Fatal(err)
		}
		set, err := allocator.NewSet(r)
		if err != nil {
			log.Fatal(err)
		}
		sets = append(sets, set)
	}
	pool, err := allocator.NewPool(sets...)
	if err != nil {
		log.Fatal(err)
	}
	a := allocator.New(memory.New(), pool, allocator.Options{})
	got, err := a.Allocate(context.Background(), allocator.Request{
		Owner: backend.Owner{ContainerID: "b552f9", IfName: "eth0"},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, assignment := range got {
		fmt.Println(assignment.Addr, "via", assignment.Gateway)
	}
	// Output:
	// 10.0.0.2/29 via 10.0.0.1
	// fd00::2/125 via fd00::1
}

// A caller that cannot use the addresses gives them back. An attachment that has asked
// again meanwhile and got an answer keeps them.
func ExampleAllocator_Undo() {
	ctx := context.Background()
	store := memory.New()
	a := allocator.New(store, examplePool(), allocator.Options{OnDuplicate: allocator.ReturnExisting})
	allocate := func(owner backend.Owner) []allocator.Assignment {
		got, err := a.Allocate(ctx, allocator.Request{Owner: owner})
		if err != nil {
			log.Fatal(err)
		}
		return got
	}
	undo := func(owner backend.Owner, got []allocator.Assignment) {
		if err := a.Undo(ctx, owner, got); err != nil {
			log.Fatal(err)
		}
		fmt.Println("after Undo:", a.Check(ctx, owner, nil))
	}

	once := backend.Owner{ContainerID: "b552f9", IfName: "eth0"}
	undo(once, allocate(once))

	twice := backend.Owner{ContainerID: "0c1d2e", IfName: "eth0"}
	first := allocate(twice)
	again := allocate(twice)
	fmt.Println(first[0].Addr, first[0].Fresh, again[0].Addr, again[0].Fresh)
	undo(twice, first)
	// Output:
	// after Undo: host-local: Failed to find address added by container b552f9
	// 10.0.0.3/29 true 10.0.0.3/29 false
	// after Undo: <nil>
}

func ExamplePool_Usage() {
	ctx := context.Background()
	store, pool := memory.New(), examplePool()
	a := allocator.New(store, pool, allocator.Options{})
	for _, id := range []string{"b552f9", "0c1d2e"} {
		if _, err := a.Allocate(ctx, allocator.Request{Owner: backend.Owner{ContainerID: id, IfName: "eth0"}}); err != nil {
			log.Fatal(err)
		}
	}
	err := store.View(ctx, func(tx backend.ReadTx) error {
		usages, err := pool.Usage(tx)
		for _, u := range usages {
			fmt.Printf("%s: %d leased, %d free, of these %s in a row\n", u.Set, u.Leased, u.Free, u.LargestFree)
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 10.0.0.1-10.0.0.6: 2 leased, 3 free, of these 10.0.0.4-10.0.0.6 in a row
}

func ExampleCollect() {
	ctx := context.Background()
	store := memory.New()
	a := allocator.New(store, examplePool(), allocator.Options{})
	for _, id := range []string{"b552f9", "0c1d2e", "7a8b9c"} {
		if _, err := a.Allocate(ctx, allocator.Request{Owner: backend.Owner{ContainerID: id, IfName: "eth0"}}); err != nil {
			log.Fatal(err)
		}
	}

	running := []backend.Owner{{ContainerID: "0c1d2e", IfName: "eth0"}}
	collected, err := allocator.Collect(ctx, store, running)
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range collected {
		fmt.Println(l.Addr, l.Owner)
	}
	// Output:
	// 10.0.0.2 b552f9 (eth0)
	// 10.0.0.4 7a8b9c (eth0)
}

func ExampleParseSpan() {
	for _, s := range []string{"10.0.0.7", "10.0.0.8/29", "10.0.0.7-10.0.0.9", "10.0.0.9/29"} {
		span, err := allocator.ParseSpan(s)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(span)
	}
	// Output:
	// 10.0.0.7
	// 10.0.0.8-10.0.0.15
	// 10.0.0.7-10.0.0.9
	// "10.0.0.9/29": host bits are set; the network is 10.0.0.8/29
}

func ExampleNewRange() {
	printers, err := allocator.ParseSpan("10.0.0.16/28")
	if err != nil {
		log.Fatal(err)
	}
	r, err := allocator.NewRange(allocator.RangeSpec{
		Subnet:  netip.MustParsePrefix("10.0.0.0/24"),
		Last:    netip.MustParseAddr("10.0.0.99"),
		Exclude: []allocator.Span{printers},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r, "gateway", r.Gateway())
	fmt.Println(r.Size(), "addresses can be leased")
	fmt.Println(r.Leasable(netip.MustParseAddr("10.0.0.20")))
	// Output:
	// 10.0.0.1-10.0.0.99 gateway 10.0.0.1
	// 82 addresses can be leased
	// false
}
