package podman

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"

	"go.etcd.io/bbolt"
)

// Leases returns who holds which address. That one of the two buckets says something
// else than the other is an error.
func (s *Store) Leases() (map[netip.Addr]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	holders := make(map[netip.Addr]string)
	err := s.step((*bbolt.DB).View, func(tx *bbolt.Tx) error { return s.find(tx).read(holders) })
	return holders, err
}

func (b buckets) read(holders map[netip.Addr]string) error {
	if b.ids == nil {
		return nil
	}
	if err := b.addrs.ForEach(func(k, v []byte) error {
		if addr, ok := netip.AddrFromSlice(k); ok {
			holders[addr] = string(v)
			return nil
		}
		if !bytes.Equal(k, []byte(lastIP)) {
			return fmt.Errorf("key %q is no address", k)
		}
		return nil
	}); err != nil {
		return err
	}
	return b.agree(holders)
}

// agree returns an error unless each container is said to hold just the address that
// it holds.
func (b buckets) agree(holders map[netip.Addr]string) error {
	containers := 0
	if err := b.ids.ForEach(func(k, _ []byte) error { containers++; return nil }); err != nil {
		return err
	}
	if containers != len(holders) {
		return fmt.Errorf("%d addresses are leased, to %d containers", len(holders), containers)
	}
	for addr, container := range holders {
		said, err := b.of(container)
		if err != nil {
			return err
		}
		if !slices.Equal(said, []netip.Addr{addr}) {
			return fmt.Errorf("%s is leased to %s, of which it is said that it holds %s", addr, container, said)
		}
	}
	return nil
}
