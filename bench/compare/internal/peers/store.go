package peers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/internal/measure"
)

// An Attachment is a container and its addresses, one of each subnet.
type Attachment struct {
	Container measure.Container
	Addrs     []netip.Addr
}

// A Store is the store of one network. It is filled here and then changed by a plugin. It
// remembers who holds what: so it predicts what a plugin must answer, and [Store.Verify]
// tells whether the plugin did what it answered. It is not safe for concurrent use.
type Store struct {
	Network Network

	kind  string       // Bolt, Files, which is the stock plugin's kind too, or "": it only remembers
	pools []*Pool      // of the network's subnets
	held  []Attachment // the oldest first
	next  measure.Container
}

// NewStore returns the store of a network, which does not exist yet. The configuration names a
// backend only if it must: one written for the stock plugin does not.
func NewStore(kind, dataDir string, subnets ...netip.Prefix) *Store {
	s := &Store{kind: kind, Network: Network{DataDir: dataDir, Subnets: subnets}}
	if kind == Bolt {
		s.Network.Backend = Bolt
	}
	for _, subnet := range subnets {
		s.pools = append(s.pools, NewPool(subnet))
	}
	return s
}

// Len returns the number of attachments that hold leases.
func (s *Store) Len() int { return len(s.held) }

// At returns an attachment that holds leases. The one at 0 is the oldest.
func (s *Store) At(i int) Attachment { return s.held[i] }

// Next returns the next attachment to add, with the addresses that it must get. It is not
// ok if no address is left.
func (s *Store) Next() (a Attachment, ok bool) {
	a.Container = s.next
	for _, p := range s.pools {
		addr, ok := p.Next()
		if !ok {
			return a, false
		}
		a.Addrs = append(a.Addrs, addr)
	}
	return a, true
}

// Newcomer returns a new container, for an ADD that may give any addresses.
func (s *Store) Newcomer() measure.Container {
	s.next++
	return s.next - 1
}

// Added records the addresses that an ADD gave. It is an error if one of them was leased, or
// must not be.
func (s *Store) Added(a Attachment) error {
	for i, p := range s.pools {
		if err := p.Lease(a.Addrs[i]); err != nil {
			return err
		}
	}
	s.next = max(s.next, a.Container+1)
	s.held = append(s.held, a)
	return nil
}

// Remove records that the leases of an attachment were released, and returns it.
func (s *Store) Remove(i int) Attachment {
	a := s.held[i]
	if i == 0 {
		s.held = s.held[1:] // the usual case, without a copy of all others
	} else {
		s.held = slices.Delete(s.held, i, i+1)
	}
	for i, p := range s.pools {
		p.Release(a.Addrs[i])
	}
	return a
}

// DiskUsage returns how many bytes the store occupies: the blocks of its files and of its
// directory. A store that does not exist yet occupies none.
func (s *Store) DiskUsage() (sum int64, err error) {
	err = filepath.WalkDir(s.Network.Path(), func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Sys().(*syscall.Stat_t).Blocks * 512 // whatever the size of the file system's blocks
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return sum, err
}

// Verify returns an error unless the store holds exactly the leases that it must hold.
func (s *Store) Verify(ctx context.Context) error {
	var st backend.Store
	switch s.kind {
	case Bolt:
		st = bolt.Open(s.Network.Path())
	case Files:
		st = files.Open(s.Network.Path())
	default:
		return nil
	}
	defer st.Close() // it was only read
	got := make(map[netip.Addr]backend.Owner)
	if err := st.View(ctx, func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			got[l.Addr] = l.Owner
		}
		return nil
	}); err != nil {
		return err
	}
	want := 0
	for _, a := range s.held {
		for _, addr := range a.Addrs {
			if owner := a.Container.Owner(); got[addr] != owner {
				return fmt.Errorf("%s: %s is leased to %q, want %q", s.Network.Path(), addr, got[addr].ContainerID, owner.ContainerID)
			}
			want++
		}
	}
	if len(got) != want {
		return fmt.Errorf("%s: %d leases, want %d", s.Network.Path(), len(got), want)
	}
	return nil
}
