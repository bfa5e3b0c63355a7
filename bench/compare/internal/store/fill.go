package store

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/bench/compare/internal/container"
	"github.com/leasehold/leasehold/internal/boot"
)

// How many attachments are added at once, and from which number on.
const (
	manyFrom = 65_000
	many     = 100
)

// step returns how many attachments to add at once.
func (s *Store) step() int {
	if s.kind == Bolt && s.Len() < manyFrom {
		return 1
	}
	return many
}

// Grow adds attachments, each with the addresses that are next, until there are as
// many as n.
func (s *Store) Grow(ctx context.Context, n int) error { return s.GrowSparse(ctx, n, 1) }

// GrowSparse is Grow, but of as many successive addresses as stride only the last is
// leased.
func (s *Store) GrowSparse(ctx context.Context, n, stride int) error {
	for s.Len() < n {
		if err := ctx.Err(); err != nil {
			return err
		}
		first := s.Len()
		for range min(n-first, s.step()) {
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

// write records what the plugin would have recorded, had it been executed for each
// of the attachments in turn.
func (s *Store) write(ctx context.Context, some []Attachment) error {
	if s.kind == Files {
		return s.writeFiles(some)
	}
	st := bolt.Open(s.Network.Path())
	defer st.Close() // there is nothing left to lose: an Update is durable when it returns
	return st.Update(ctx, func(tx backend.Tx) error { return s.put(tx, some) })
}

func (s *Store) put(tx backend.Tx, some []Attachment) error {
	id := boot.Current().ID
	for _, a := range some {
		for _, addr := range a.Addrs {
			if err := tx.Put(a.Container.Lease(addr, id)); err != nil {
				return err
			}
		}
	}
	for i, p := range s.pools {
		if err := tx.SetCursor(strconv.Itoa(i), p.Last()); err != nil {
			return err
		}
	}
	return tx.SetBoot(id)
}

// writeFiles leaves what the stock plugin leaves, byte by byte. Nothing is synced,
// as it does not either.
func (s *Store) writeFiles(some []Attachment) error {
	dir := s.Network.Path()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, a := range some {
		content := []byte(a.Container.ID() + "\r\n" + container.IfName)
		for _, addr := range a.Addrs {
			if err := os.WriteFile(filepath.Join(dir, addr.String()), content, 0o600); err != nil {
				return err
			}
		}
	}
	for i, p := range s.pools {
		name := filepath.Join(dir, "last_reserved_ip."+strconv.Itoa(i))
		if err := os.WriteFile(name, []byte(p.Last().String()), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Load makes a bolt store of n attachments at once, as a migration does, in place of
// growing it. Nothing may stand there yet.
func (s *Store) Load(n int) error {
	for s.Len() < n {
		if err := s.add(1); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(s.Network.DataDir, 0o755); err != nil {
		return err
	}
	return bolt.Create(s.Network.Path(), s.content())
}

func (s *Store) content() backend.Content {
	id := boot.Current().ID
	c := backend.Content{Cursors: make(map[string]netip.Addr), Boot: id}
	for i, p := range s.pools {
		c.Cursors[strconv.Itoa(i)] = p.Last()
	}
	c.Leases = func(yield func(backend.Lease, error) bool) {
		for _, l := range s.leases(id) {
			if !yield(l, nil) {
				return
			}
		}
	}
	return c
}

// leases returns all leases in ascending order of address.
func (s *Store) leases(boot string) []backend.Lease {
	var all []backend.Lease
	for _, a := range s.held {
		for _, addr := range a.Addrs {
			all = append(all, a.Container.Lease(addr, boot))
		}
	}
	slices.SortFunc(all, func(a, b backend.Lease) int { return a.Addr.Compare(b.Addr) })
	return all
}
