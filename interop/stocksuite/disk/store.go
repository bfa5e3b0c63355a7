package disk

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/containernetworking/cni/pkg/types"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/stores"
	"github.com/leasehold/leasehold/interop/stocksuite/target"
)

const lastIPFilePrefix = "last_reserved_ip." //lint:ignore U1000 the stock plugin's tests use it

// A Store has the leases of a network.
type Store struct{ path string }

// New returns the store of a network. The tests expect it to create a directory.
func New(network, dataDir string) (*Store, error) {
	path := filepath.Join(dataDir, network)
	return &Store{path}, os.MkdirAll(path, 0o755)
}

// Close does nothing: each call opens what it needs.
func (s *Store) Close() error { return nil }

// Reserve leases an address, and reports whether it was free.
func (s *Store) Reserve(id, ifname string, ip net.IP, rangeID string) (free bool, err error) {
	addr, _ := netip.AddrFromSlice(ip) // Put rejects the zero Addr.
	l := backend.Lease{Addr: addr.Unmap(), Owner: backend.Owner{ContainerID: id, IfName: ifname}}
	err = s.do(func(store backend.Store) error {
		return store.Update(context.Background(), func(tx backend.Tx) error {
			if err := tx.Put(l); err != nil {
				return err
			}
			return tx.SetCursor(rangeID, l.Addr)
		})
	})
	if errors.Is(err, backend.ErrExists) {
		return false, nil
	}
	return err == nil, err
}

// GC releases what belongs to none of the attachments.
func (s *Store) GC(attachments []types.GCAttachment) error {
	var valid []backend.Owner
	for _, a := range attachments {
		valid = append(valid, backend.Owner{ContainerID: a.ContainerID, IfName: a.IfName})
	}
	return s.do(func(store backend.Store) error {
		_, err := allocator.Collect(context.Background(), store, valid)
		return err
	})
}

func (s *Store) do(fn func(store backend.Store) error) error {
	return target.Do(s.path, func() error {
		store, _, err := stores.Open(s.path, target.Backend())
		if err != nil {
			return err
		}
		return errors.Join(fn(store), store.Close())
	})
}
