package migrate

import (
	"context"
	"errors"
	"io/fs"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/exchange"
)

// Create makes a store of the kind o.To with the content c at path, which must be free. It
// returns the number of leases, and what of them the store cannot hold. The store appears
// complete or not at all. If another process makes one meanwhile, Create returns [fs.ErrExist],
// and that one stays.
func Create(ctx context.Context, path string, c backend.Content, o Options) (leases int, f Forgotten, err error) {
	place := exchange.At(path)
	waiting, cancel := context.WithTimeout(ctx, o.LockTimeout)
	defer cancel()
	unlock, err := lockPlace(waiting, place)
	if err != nil {
		return 0, f, err
	}
	defer unlock()
	empty, err := place.FinishSwap()
	if err != nil {
		return 0, f, err
	}
	if !empty {
		return 0, f, &fs.PathError{Op: "make store", Path: path, Err: fs.ErrExist}
	}
	s, err := newSuccessor(place, o.To, o.LockTimeout)
	if err != nil {
		return 0, f, err
	}
	if _, err := s.cleanUp("migration", o.Now); err != nil {
		return 0, f, err
	}
	written := newFingerprinter()
	c.Leases = convertEach(c.Leases, func(l *backend.Lease) error {
		*l = f.fit(*l, o, c.LastSearch)
		written.add(*l)
		return ctx.Err()
	})
	if err := s.build(written.withMemory(c)); err != nil {
		return 0, f, err
	}
	if err := s.putNew(ctx, written.finish(c)); err != nil {
		return 0, f, errors.Join(err, s.drop())
	}
	return written.result.leases, f, nil
}
