// Package podman keeps leases in a bbolt file in the layout of Podman's, for the
// comparison only.
//
// It is written anew from the layout and from the steps that Podman takes (package
// netavark of its network library, ipam.go and run.go), so that bbolt as it is mostly
// used stands beside bbolt as this project uses it. A network has a bucket, in which
// are
//
//	<subnet>  address, 4 or 16 bytes  →  container ID
//	          "lastIP"                →  address handed out last
//	ids       container ID            →  its addresses, as a JSON array of texts
//
// Each step opens the file with the options that bbolt has by itself, runs one
// transaction, and closes it; to release is two steps, of which the first only reads.
// A free address is found by looking at one after the other, from the last on.
//
// # Caveats
//
// Podman has a lock of its own around these steps, between processes and within one.
// Here it is a mutex: there are no other processes. Without it, whoever finds the
// file locked would sleep for 50 ms, which is not what Podman does.
//
// A full subnet is an error, and no address outside of it is handed out, in
// whatever state the file is.
package podman

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/bench/compare/internal/pool"
)

// What can go wrong, besides what the file gives.
var (
	ErrNoneFree  = errors.New("no address is free")
	ErrNotLeased = errors.New("the container holds no address")
)

// A Store is the leases of one network with one subnet. It is safe for concurrent
// use, but not by several Stores of one path at once.
type Store struct {
	path        string
	subnet      netip.Prefix
	first, last netip.Addr // that can be leased
	size        uint64     // how many can

	mu sync.Mutex // held from opening the file until it is closed
}

// Open returns the store at path, with the second address of the subnet as its
// gateway. It touches no file: the first Acquire creates it.
func Open(path string, subnet netip.Prefix) *Store {
	subnet = subnet.Masked()
	p := pool.New(subnet)
	first, _ := p.Next() // there is one: nothing is leased in it
	return &Store{path: path, subnet: subnet, first: first, last: p.Last(), size: p.Size()}
}

// Acquire leases an address to a container.
func (s *Store) Acquire(container string) (addr netip.Addr, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.step((*bbolt.DB).Update, func(tx *bbolt.Tx) error {
		b, err := s.create(tx)
		if err != nil {
			return err
		}
		addr, err = s.lease(b, container)
		return err
	})
	return addr, err
}

// Release ends the lease of a container, having looked up what it holds.
func (s *Store) Release(container string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var addrs []netip.Addr
	if err := s.step((*bbolt.DB).View, func(tx *bbolt.Tx) (err error) {
		addrs, err = s.find(tx).of(container)
		return err
	}); err != nil {
		return err
	}
	return s.step((*bbolt.DB).Update, func(tx *bbolt.Tx) error {
		b := s.find(tx)
		for _, addr := range addrs {
			if err := b.addrs.Delete(addr.AsSlice()); err != nil {
				return err
			}
		}
		return b.ids.Delete([]byte(container))
	})
}

// step opens the file for one transaction, which a method of bbolt's makes.
func (s *Store) step(transaction func(*bbolt.DB, func(*bbolt.Tx) error) error, fn func(*bbolt.Tx) error) error {
	db, err := bbolt.Open(s.path, 0o600, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	if err = transaction(db, fn); err != nil {
		err = fmt.Errorf("%s: %w", s.path, err)
	}
	return errors.Join(err, db.Close())
}

// Names of buckets and keys.
const (
	network = "podman"
	ids     = "ids"
	lastIP  = "lastIP" // of neither 4 nor 16 bytes: it is no address
)

// buckets are those of the network; they are nil where nothing was ever leased.
type buckets struct{ addrs, ids *bbolt.Bucket }

func (s *Store) find(tx *bbolt.Tx) buckets {
	b := tx.Bucket([]byte(network))
	if b == nil {
		return buckets{}
	}
	return buckets{addrs: b.Bucket([]byte(s.subnet.String())), ids: b.Bucket([]byte(ids))}
}

func (s *Store) create(tx *bbolt.Tx) (b buckets, err error) {
	parent, err := tx.CreateBucketIfNotExists([]byte(network))
	if err != nil {
		return b, err
	}
	if b.addrs, err = parent.CreateBucketIfNotExists([]byte(s.subnet.String())); err != nil {
		return b, err
	}
	b.ids, err = parent.CreateBucketIfNotExists([]byte(ids))
	return b, err
}

// lease records the next free address as that of a container.
func (s *Store) lease(b buckets, container string) (netip.Addr, error) {
	addr, err := s.free(b.addrs)
	if err != nil {
		return addr, err
	}
	if err := b.addrs.Put([]byte(lastIP), addr.AsSlice()); err != nil {
		return addr, err
	}
	if err := b.addrs.Put(addr.AsSlice(), []byte(container)); err != nil {
		return addr, err
	}
	text, err := json.Marshal([]netip.Addr{addr})
	if err != nil {
		return addr, err
	}
	return addr, b.ids.Put([]byte(container), text)
}

// free returns the first address after the last that was handed out which is not
// leased, and begins anew where the subnet ends.
func (s *Store) free(addrs *bbolt.Bucket) (netip.Addr, error) {
	addr, ok := netip.AddrFromSlice(addrs.Get([]byte(lastIP)))
	if !ok {
		addr = s.last
	}
	for range s.size {
		if addr = addr.Next(); addr.Compare(s.first) < 0 || addr.Compare(s.last) > 0 {
			addr = s.first
		}
		if addrs.Get(addr.AsSlice()) == nil {
			return addr, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("%s: %w", s.subnet, ErrNoneFree)
}

// of returns the addresses of a container.
func (b buckets) of(container string) (addrs []netip.Addr, err error) {
	if b.ids == nil {
		return nil, fmt.Errorf("%s: %w", container, ErrNotLeased)
	}
	text := b.ids.Get([]byte(container))
	if text == nil {
		return nil, fmt.Errorf("%s: %w", container, ErrNotLeased)
	}
	if err := json.Unmarshal(text, &addrs); err != nil {
		return nil, fmt.Errorf("addresses of %s: %w", container, err)
	}
	return addrs, nil
}
