package allocator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	types100 "github.com/containernetworking/cni/pkg/types/100"
	stock "github.com/containernetworking/plugins/plugins/ipam/host-local/backend"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/stores"
	"github.com/leasehold/leasehold/interop/stocksuite/target"
)

// An IPAllocator leases addresses of one range set. Each call uses a store of this project
// with a copy of the tests' store, and repeats its changes in the latter.
type IPAllocator struct {
	rangeset *RangeSet
	store    stock.Store
	rangeID  string
}

// Get leases an address: the requested one, unless it is nil. An error has the allocator's
// own text, without the index of the range set.
func (a *IPAllocator) Get(id, ifname string, requested net.IP) (*types100.IPConfig, error) {
	owner := backend.Owner{ContainerID: id, IfName: ifname}
	store, err := a.copy(owner)
	if err != nil {
		return nil, err
	}
	defer store.Close() // used only by this function
	got, err := allocate(store, a.rangeset, owner, addrOf(requested))
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "failed to allocate for range 0: "))
	}
	config := &types100.IPConfig{Address: networkOf(got.Addr), Gateway: ipOf(got.Gateway)}
	if free, err := a.store.Reserve(id, ifname, config.Address.IP, a.rangeID); err != nil || !free {
		return nil, fmt.Errorf("%s was leased, but is not free in the tests' store: %w", got.Addr, err)
	}
	return config, nil
}

func allocate(store backend.Store, s *RangeSet, owner backend.Owner, requested netip.Addr) (allocator.Assignment, error) {
	request := allocator.Request{Owner: owner}
	if requested.IsValid() {
		request.Addrs = []netip.Addr{requested}
	}
	pool := must(allocator.NewPool(s.set()))
	got, err := allocator.New(store, pool, allocator.Options{}).Allocate(context.Background(), request)
	if err != nil {
		return allocator.Assignment{}, err
	}
	return got[0], nil
}

// Release releases the leases of an attachment.
func (a *IPAllocator) Release(id, ifname string) error {
	owner := backend.Owner{ContainerID: id, IfName: ifname}
	store, err := a.copy(owner)
	if err != nil {
		return err
	}
	defer store.Close() // used only by this function
	released, err := allocator.Release(context.Background(), store, owner)
	if err == nil && len(released) != len(a.store.GetByID(id, ifname)) {
		err = fmt.Errorf("%v were released", released)
	}
	return errors.Join(err, a.store.ReleaseByID(id, ifname))
}

// copy returns a store with the cursor and leases of the tests' store. That store does not
// return the owner of a lease: all leases but owner's belong to "another".
func (a *IPAllocator) copy(owner backend.Owner) (backend.Store, error) {
	mine := make(map[netip.Addr]bool)
	for _, ip := range a.store.GetByID(owner.ContainerID, owner.IfName) {
		mine[addrOf(ip)] = true
	}
	return a.newStore(func(tx backend.Tx) error {
		for _, addr := range a.leased() {
			l := backend.Lease{Addr: addr, Owner: owner}
			if !mine[addr] {
				l.Owner = backend.Owner{ContainerID: "another", IfName: "eth0"}
			}
			if err := tx.Put(l); err != nil {
				return err
			}
		}
		return nil
	})
}

// leased returns the leased addresses in the tests' store. It cannot list them, so leased
// tries to reserve the first 32 of each range; the tests lease no others.
func (a *IPAllocator) leased() (addrs []netip.Addr) {
	for _, r := range a.rangeset.set().Ranges() {
		addr := r.First()
		for range 32 {
			if !r.Contains(addr) {
				break
			}
			if free, err := a.store.Reserve("a question", "", ipOf(addr), "a question"); err == nil && !free {
				addrs = append(addrs, addr)
			}
			must(0, a.store.ReleaseByID("a question", ""))
			addr = addr.Next()
		}
	}
	return addrs
}

// newStore returns a store with the cursor of the tests' store and the content written by
// fill. It is in the tests' temporary directory.
func (a *IPAllocator) newStore(fill func(backend.Tx) error) (backend.Store, error) {
	dir, err := os.MkdirTemp("", "allocator")
	if err != nil {
		return nil, err
	}
	store, _, err := stores.Open(filepath.Join(dir, "net"), target.Backend())
	if err != nil {
		return nil, err
	}
	return store, store.Update(context.Background(), func(tx backend.Tx) error {
		cursor, err := a.store.LastReservedIP(a.rangeID)
		if err == nil && cursor != nil {
			if err := tx.SetCursor("0", addrOf(cursor)); err != nil {
				return err
			}
		}
		return fill(tx)
	})
}
