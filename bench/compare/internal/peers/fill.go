package peers

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/internal/boot"
)

// Grow adds attachments until there are n, each with the last of the next stride addresses. A
// bolt file grows by a transaction for each container, as by ADDs: the order and the number
// decide how large it becomes. Above 65,000 containers, where that matters little, a transaction
// has a hundred.
func (s *Store) Grow(ctx context.Context, n, stride int) error {
	for s.Len() < n {
		if err := ctx.Err(); err != nil {
			return err
		}
		first, batch := s.Len(), 100
		if s.kind == Bolt && first < 65_000 {
			batch = 1
		}
		for s.Len() < min(first+batch, n) {
			for _, p := range s.pools {
				p.Skip(stride - 1)
			}
			a, ok := s.Next()
			if !ok {
				return backend.ErrNoneFree
			}
			if err := s.Added(a); err != nil {
				return err
			}
		}
		if err := s.write(ctx, s.held[first:]); err != nil {
			return err
		}
	}
	return nil
}

// write leaves in the store what the plugin would have left for each of the attachments in turn.
func (s *Store) write(ctx context.Context, some []Attachment) error {
	switch s.kind {
	case Files:
		return s.writeFiles(some)
	case "":
		return nil
	}
	st := bolt.Open(s.Network.Path())
	defer st.Close() // an Update is durable when it returns
	return st.Update(ctx, func(tx backend.Tx) error {
		for _, l := range leases(some) {
			if err := tx.Put(l); err != nil {
				return err
			}
		}
		for set, addr := range s.cursors() {
			if err := tx.SetCursor(set, addr); err != nil {
				return err
			}
		}
		return tx.SetLastSearch(boot.Current().ID)
	})
}

// writeFiles leaves what the stock plugin leaves, byte by byte. Like the plugin it syncs
// nothing.
func (s *Store) writeFiles(some []Attachment) error {
	dir := s.Network.Path()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, l := range leases(some) {
		content := []byte(l.Owner.ContainerID + "\r\n" + l.Owner.IfName)
		if err := os.WriteFile(filepath.Join(dir, l.Addr.String()), content, 0o600); err != nil {
			return err
		}
	}
	for set, addr := range s.cursors() {
		if err := os.WriteFile(filepath.Join(dir, "last_reserved_ip."+set), []byte(addr.String()), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func leases(some []Attachment) (all []backend.Lease) {
	id := boot.Current().ID
	for _, a := range some {
		for _, addr := range a.Addrs {
			all = append(all, a.Container.Lease(addr, id))
		}
	}
	return all
}

// cursors returns the last address of each range set.
func (s *Store) cursors() map[string]netip.Addr {
	all := make(map[string]netip.Addr)
	for i, p := range s.pools {
		all[strconv.Itoa(i)] = p.cursor
	}
	return all
}
