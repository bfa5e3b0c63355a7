package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
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
// for 50 ms, which Podman does not. Only the container ID is recorded.
type podman struct {
	path   string
	subnet netip.Prefix

	mu sync.Mutex // held from opening the file until it is closed
}

const (
	podmanNetwork, podmanIDs = "podman", "ids"

	lastIP = "lastIP" // of neither 4 nor 16 bytes: it is no address
)

// acquireAll leases addresses in one transaction; Podman has one for each container.
func (p *podman) acquireAll(containers ...string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.step((*bbolt.DB).Update, func(tx *bbolt.Tx) error {
		for _, container := range containers {
			if err := p.acquire(tx, []byte(container)); err != nil {
				return err
			}
		}
		return nil
	})
}

// acquire leases the first free address after the one that was given last. After the last one
// it starts over behind the gateway.
func (p *podman) acquire(tx *bbolt.Tx, container []byte) error {
	network, err := tx.CreateBucketIfNotExists([]byte(podmanNetwork))
	if err != nil {
		return err
	}
	addrs, err := network.CreateBucketIfNotExists([]byte(p.subnet.String()))
	if err != nil {
		return err
	}
	ids, err := network.CreateBucketIfNotExists([]byte(podmanIDs))
	if err != nil {
		return err
	}
	gateway := p.subnet.Addr().Next()
	addr, ok := netip.AddrFromSlice(addrs.Get([]byte(lastIP)))
	if !ok {
		addr = gateway
	}
	for last := addr; ; {
		if addr = addr.Next(); !p.subnet.Contains(addr.Next()) {
			addr = gateway.Next()
		}
		if addrs.Get(addr.AsSlice()) == nil {
			break
		}
		if addr == last {
			return fmt.Errorf("%s is full", p.subnet)
		}
	}
	text, err := json.Marshal([]netip.Addr{addr})
	return errors.Join(err, addrs.Put([]byte(lastIP), addr.AsSlice()),
		addrs.Put(addr.AsSlice(), container), ids.Put(container, text))
}

// release looks up first what the container holds.
func (p *podman) release(container string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var held []netip.Addr
	if err := p.step((*bbolt.DB).View, func(tx *bbolt.Tx) error {
		_, ids := p.buckets(tx)
		return json.Unmarshal(ids.Get([]byte(container)), &held)
	}); err != nil {
		return fmt.Errorf("addresses of %s: %w", container, err)
	}
	return p.step((*bbolt.DB).Update, func(tx *bbolt.Tx) error {
		addrs, ids := p.buckets(tx)
		for _, addr := range held {
			if err := addrs.Delete(addr.AsSlice()); err != nil {
				return err
			}
		}
		return ids.Delete([]byte(container))
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

// buckets returns the buckets of a network of which an address was leased.
func (p *podman) buckets(tx *bbolt.Tx) (addrs, ids *bbolt.Bucket) {
	network := tx.Bucket([]byte(podmanNetwork))
	return network.Bucket([]byte(p.subnet.String())), network.Bucket([]byte(podmanIDs))
}

// holders returns the containers by their addresses. It is an error if the two buckets disagree.
func (p *podman) holders() (map[netip.Addr]string, error) {
	all := make(map[netip.Addr]string)
	err := p.step((*bbolt.DB).View, func(tx *bbolt.Tx) error {
		addrs, ids := p.buckets(tx)
		return ids.ForEach(func(container, text []byte) error {
			var held []netip.Addr
			err := json.Unmarshal(text, &held)
			for _, addr := range held {
				if got := string(addrs.Get(addr.AsSlice())); err == nil && got != string(container) {
					err = fmt.Errorf("%s is leased to %q, and listed for %q", addr, got, container)
				}
				all[addr] = string(container)
			}
			return err
		})
	})
	return all, err
}

func TestPodman(t *testing.T) {
	p := &podman{path: t.TempDir() + "/ipam.db", subnet: netip.MustParsePrefix("10.0.0.0/29")}
	for _, container := range []string{"a", "b", "c", "d"} {
		require.NoError(t, p.acquireAll(container))
	}
	require.NoError(t, p.release("a"))
	require.ErrorContains(t, p.release("a"), "addresses of a: ")
	require.NoError(t, p.release("c"))
	for _, container := range []string{"e", "f", "g"} { // the first one goes on, the others start over
		require.NoError(t, p.acquireAll(container))
	}
	require.ErrorContains(t, p.acquireAll("h"), "10.0.0.0/29 is full")
	got, err := p.holders()
	require.NoError(t, err)
	want := make(map[netip.Addr]string)
	for addr, container := range map[string]string{"2": "f", "3": "b", "4": "g", "5": "d", "6": "e"} {
		want[netip.MustParseAddr("10.0.0."+addr)] = container
	}
	require.Equal(t, want, got)
}
