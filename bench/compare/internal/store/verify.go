package store

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/bench/compare/internal/container"
)

// Verify returns an error unless the store holds exactly the leases that it ought
// to hold.
func (s *Store) Verify(ctx context.Context) error {
	st, err := s.open()
	if err != nil {
		return err
	}
	defer st.Close() // it was only read
	want := s.holders()
	err = st.View(ctx, func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			if want[l.Addr] != l.Owner {
				return fmt.Errorf("%s: %s is leased to %s, unexpectedly", s.Network.Path(), l.Addr, l.Owner)
			}
			delete(want, l.Addr)
		}
		return nil
	})
	for addr, owner := range want {
		if err == nil {
			err = fmt.Errorf("%s: %s is not leased to %s", s.Network.Path(), addr, owner)
		}
	}
	return err
}

func (s *Store) holders() map[netip.Addr]backend.Owner {
	all := make(map[netip.Addr]backend.Owner, s.Leases())
	for _, a := range s.held {
		owner := backend.Owner{ContainerID: a.Container.ID(), IfName: container.IfName}
		for _, addr := range a.Addrs {
			all[addr] = owner
		}
	}
	return all
}

func (s *Store) open() (backend.Store, error) {
	if s.kind == Bolt {
		return bolt.Open(s.Network.Path()), nil
	}
	return files.Open(s.Network.Path())
}
