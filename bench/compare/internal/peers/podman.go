package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// podman keeps leases in a bbolt file in the layout of Podman's, written anew from that and
// from the steps that Podman takes (package netavark of its network library, ipam.go and
// run.go). So bbolt as it is mostly used is compared with bbolt as this project uses it. A
// bucket holds the network, with two buckets in it:
//
//	<subnet>  address, 4 or 16 bytes  →  container ID
//	          "lastIP"                →  address given last
//	ids       container ID            →  its addresses, as a JSON array of texts
//
// Each step opens the file with bbolt's default options, runs one transaction, and closes it. A
// release is two steps, the first of which only reads. A free address is searched for one by
// one, from the last on.
//
// Podman has its own lock around these steps, between processes. Here it is a mutex, because
// there are no other processes: without it, goroutines that find the file locked would sleep
// for 50 ms, which Podman does not. A full subnet is an error.
type podman struct {
	path string
	pool *Pool // for its bounds; the leases are in the file

	mu sync.Mutex // held from opening the file until it is closed
}

var (
	errNoneFree  = errors.New("no address is free")
	errNotLeased = errors.New("the container holds no address")
)

func newPodman(path string, subnet netip.Prefix) *podman {
	return &podman{path: path, pool: NewPool(subnet)}
}

// Acquire implements [Leaser].
func (p *podman) Acquire(_ context.Context, r allocator.Request) (addr netip.Addr, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	err = p.step((*bbolt.DB).Update, func(tx *bbolt.Tx) error {
		b, err := p.create(tx)
		if err != nil {
			return err
		}
		addr, err = p.lease(b, r.Owner.ContainerID)
		return err
	})
	return addr, err
}

// Release implements [Leaser]. It looks up first what the container holds.
func (p *podman) Release(_ context.Context, o backend.Owner, _ netip.Addr) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var addrs []netip.Addr
	if err := p.step((*bbolt.DB).View, func(tx *bbolt.Tx) (err error) {
		addrs, err = p.find(tx).of(o.ContainerID)
		return err
	}); err != nil {
		return err
	}
	return p.step((*bbolt.DB).Update, func(tx *bbolt.Tx) error {
		b := p.find(tx)
		for _, addr := range addrs {
			if err := b.addrs.Delete(addr.AsSlice()); err != nil {
				return err
			}
		}
		return b.ids.Delete([]byte(o.ContainerID))
	})
}

// step opens the file for one transaction, which a method of bbolt's makes.
func (p *podman) step(transaction func(*bbolt.DB, func(*bbolt.Tx) error) error, fn func(*bbolt.Tx) error) error {
	db, err := bbolt.Open(p.path, 0o600, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", p.path, err)
	}
	if err = transaction(db, fn); err != nil {
		err = fmt.Errorf("%s: %w", p.path, err)
	}
	return errors.Join(err, db.Close())
}

// podmanBuckets are nil where nothing was ever leased.
type podmanBuckets struct{ addrs, ids *bbolt.Bucket }

func (p *podman) names() (network, addrs, ids []byte) {
	return []byte("podman"), []byte(p.pool.subnet.String()), []byte("ids")
}

func (p *podman) find(tx *bbolt.Tx) podmanBuckets {
	network, addrs, ids := p.names()
	parent := tx.Bucket(network)
	if parent == nil {
		return podmanBuckets{}
	}
	return podmanBuckets{parent.Bucket(addrs), parent.Bucket(ids)}
}

func (p *podman) create(tx *bbolt.Tx) (b podmanBuckets, err error) {
	network, addrs, ids := p.names()
	parent, err := tx.CreateBucketIfNotExists(network)
	if err != nil {
		return b, err
	}
	if b.addrs, err = parent.CreateBucketIfNotExists(addrs); err != nil {
		return b, err
	}
	b.ids, err = parent.CreateBucketIfNotExists(ids)
	return b, err
}

const lastIP = "lastIP" // of neither 4 nor 16 bytes: it is no address

// lease records the next free address for a container.
func (p *podman) lease(b podmanBuckets, container string) (netip.Addr, error) {
	addr, err := p.free(b.addrs)
	if err != nil {
		return addr, err
	}
	text, err := json.Marshal([]netip.Addr{addr})
	if err != nil {
		return addr, err
	}
	return addr, errors.Join(
		b.addrs.Put([]byte(lastIP), addr.AsSlice()),
		b.addrs.Put(addr.AsSlice(), []byte(container)),
		b.ids.Put([]byte(container), text))
}

// free returns the first free address after the one that was given last.
func (p *podman) free(addrs *bbolt.Bucket) (netip.Addr, error) {
	addr, ok := netip.AddrFromSlice(addrs.Get([]byte(lastIP)))
	if !ok {
		addr = p.pool.last
	}
	for range p.pool.Size() {
		if addr = p.pool.after(addr); addrs.Get(addr.AsSlice()) == nil {
			return addr, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("%s: %w", p.pool.subnet, errNoneFree)
}

// of returns the addresses of a container.
func (b podmanBuckets) of(container string) (addrs []netip.Addr, err error) {
	var text []byte
	if b.ids != nil {
		text = b.ids.Get([]byte(container))
	}
	if text == nil {
		return nil, fmt.Errorf("%s: %w", container, errNotLeased)
	}
	if err := json.Unmarshal(text, &addrs); err != nil {
		return nil, fmt.Errorf("addresses of %s: %w", container, err)
	}
	return addrs, nil
}

// Holders implements [Leaser]. It is an error if the two buckets disagree.
func (p *podman) Holders(context.Context) (map[netip.Addr]backend.Owner, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	holders := make(map[netip.Addr]backend.Owner)
	err := p.step((*bbolt.DB).View, func(tx *bbolt.Tx) error {
		b := p.find(tx)
		if b.ids == nil {
			return nil
		}
		return b.ids.ForEach(func(container, _ []byte) error {
			addrs, err := b.of(string(container))
			for _, addr := range addrs {
				if got := b.addrs.Get(addr.AsSlice()); err == nil && !bytes.Equal(got, container) {
					err = fmt.Errorf("%s is leased to %q, and listed for %q", addr, got, container)
				}
				holders[addr] = backend.Owner{ContainerID: string(container), IfName: IfName}
			}
			return err
		})
	})
	return holders, err
}
