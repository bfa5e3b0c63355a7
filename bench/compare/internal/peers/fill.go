package peers

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/internal/boot"
)

// batch returns how many attachments to add at once. A bolt file grows by a transaction for
// each container, as by ADDs: the order and the number decide how large it becomes. Above
// 65,000 containers, where that matters little, a transaction has a hundred.
func (s *Store) batch() int {
	if s.bolt && s.Len() < 65_000 {
		return 1
	}
	return 100
}

// Grow adds attachments, each with the addresses that are next, until there are n.
func (s *Store) Grow(ctx context.Context, n int) error { return s.GrowSparse(ctx, n, 1) }

// GrowSparse is Grow, but leases only the last of each stride addresses.
func (s *Store) GrowSparse(ctx context.Context, n, stride int) error {
	for s.Len() < n {
		if err := ctx.Err(); err != nil {
			return err
		}
		first := s.Len()
		for range min(n-first, s.batch()) {
			if err := s.add(stride); err != nil {
				return err
			}
		}
		if err := s.write(ctx, s.held[first:]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) add(stride int) error {
	for _, p := range s.pools {
		p.Skip(stride - 1)
	}
	a, ok := s.Next()
	if !ok {
		return backend.ErrNoneFree
	}
	return s.Added(a)
}

// write records what the plugin would have recorded for each of the attachments in turn.
func (s *Store) write(ctx context.Context, some []Attachment) error {
	if !s.bolt {
		return s.writeFiles(some)
	}
	st := bolt.Open(s.Network.Path())
	defer st.Close() // an Update is durable when it returns
	return st.Update(ctx, func(tx backend.Tx) error {
		id := boot.Current().ID
		for _, l := range leases(some, id) {
			if err := tx.Put(l); err != nil {
				return err
			}
		}
		for set, addr := range s.cursors() {
			if err := tx.SetCursor(set, addr); err != nil {
				return err
			}
		}
		return tx.SetLastSearch(id)
	})
}

// writeFiles leaves what the stock plugin leaves, byte by byte. Like the plugin it syncs
// nothing.
func (s *Store) writeFiles(some []Attachment) error {
	dir := s.Network.Path()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, a := range some {
		content := []byte(a.Container.ID() + "\r\n" + IfName)
		for _, addr := range a.Addrs {
			if err := os.WriteFile(filepath.Join(dir, addr.String()), content, 0o600); err != nil {
				return err
			}
		}
	}
	for set, addr := range s.cursors() {
		if err := os.WriteFile(filepath.Join(dir, "last_reserved_ip."+set), []byte(addr.String()), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Load makes a bolt store of n attachments at once, as a migration does.
func (s *Store) Load(n int) error {
	for s.Len() < n {
		if err := s.add(1); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(s.Network.DataDir, 0o755); err != nil {
		return err
	}
	id := boot.Current().ID
	all := leases(s.held, id)
	slices.SortFunc(all, func(a, b backend.Lease) int { return a.Addr.Compare(b.Addr) })
	content := backend.Content{Cursors: s.cursors(), LastSearch: id}
	content.Leases = func(yield func(backend.Lease, error) bool) {
		for _, l := range all {
			if !yield(l, nil) {
				return
			}
		}
	}
	return bolt.Create(s.Network.Path(), content)
}

func leases(some []Attachment, boot string) []backend.Lease {
	var all []backend.Lease
	for _, a := range some {
		for _, addr := range a.Addrs {
			all = append(all, a.Container.Lease(addr, boot))
		}
	}
	return all
}

// cursors returns the last address of each range set.
func (s *Store) cursors() map[string]netip.Addr {
	all := make(map[string]netip.Addr)
	for i, p := range s.pools {
		all[strconv.Itoa(i)] = p.Last()
	}
	return all
}
