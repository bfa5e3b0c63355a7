package hostlocal

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/resolvconf"
	"github.com/leasehold/leasehold/internal/stores"
)

// add leases addresses and writes the result. If the result cannot be delivered, it
// releases the leases, because the runtime does not know of them.
func (p *Plugin) add(ctx context.Context, r request) error {
	c, err := r.config()
	if err != nil {
		return err
	}
	dns, err := readDNS(c)
	if err != nil {
		return err
	}
	waiting := newTimeout(ctx, c.LockTimeout)
	got, err := p.allocate(waiting, c, r)
	if err != nil {
		return err
	}
	if err := writeResult(p.Stdout, c, got, dns); err != nil {
		err = fmt.Errorf("%w: %w", errUndelivered, err)
		return errors.Join(err, undo(ctx, c, r.owner, got))
	}
	return nil
}

// undo releases what an ADD has leased. It opens the store again, because a migration can
// have replaced it while the result was written, and has its own time limit, because a
// reader that goes away late has used up the time of the ADD.
func undo(ctx context.Context, c *config.Config, owner backend.Owner, got []allocator.Assignment) error {
	store, _, err := stores.Open(c.Path(), stores.None)
	if err != nil {
		return err
	}
	return allocator.New(store, c.Pool, allocator.Options{}).Undo(newTimeout(ctx, c.LockTimeout), owner, got)
}

// config reads the whole configuration.
func (r request) config() (*config.Config, error) {
	c, err := config.Parse(r.stdin, r.args)
	if err != nil {
		return nil, err
	}
	return c, r.checkVersion(c.CNIVersion)
}

// A resolvConfError is the error of reading the file that resolvConf names.
type resolvConfError struct{ err error }

func (e *resolvConfError) Error() string { return "resolvConf: " + e.err.Error() }

// Unwrap returns the error of the file.
func (e *resolvConfError) Unwrap() error { return e.err }

func readDNS(c *config.Config) (resolvconf.DNS, error) {
	if c.ResolvConf == "" {
		return resolvconf.DNS{}, nil
	}
	d, err := resolvconf.Read(c.ResolvConf)
	if err != nil {
		err = &resolvConfError{err}
	}
	return d, err
}

// withAllocator calls fn with an allocator on the store of the configuration. It retries if
// another store appears at the path before fn could do anything: of two first ADDs of a
// network, whose configurations name different stores, the second meets the store of the
// first.
func (p *Plugin) withAllocator(waiting *timeout, c *config.Config, fn func(*allocator.Allocator) error) error {
	return stores.Retry(waiting, func() error {
		store, kind, err := stores.Open(c.Path(), c.Backend)
		if err != nil {
			return err
		}
		return fn(allocator.New(p.attend(waiting, store), c.Pool, allocator.Options{
			OnDuplicate:         c.OnDuplicate,
			Space:               c.Space,
			History:             c.History,
			Cooldown:            c.Cooldown,
			Prefer:              c.Prefer,
			Boot:                boot.Current(),
			ReleaseEarlierBoots: c.OnReboot.Releases(kind),
		}))
	})
}

// del releases the leases of the attachment from the existing store, whatever its kind.
// Without a store there is nothing to release.
func (p *Plugin) del(ctx context.Context, r request) error {
	n, err := config.ParseNetwork(r.stdin)
	if err := cmp.Or(err, r.checkVersion(n.CNIVersion)); err != nil {
		return err
	}
	return p.release(ctx, n, func(ctx context.Context, store backend.Store) error {
		_, err := allocator.Release(ctx, store, r.owner)
		return err
	})
}

// gc releases the leases that belong to none of the attachments listed by the runtime.
func (p *Plugin) gc(ctx context.Context, r request) error {
	n, valid, err := config.ParseAttachments(r.stdin)
	if err := cmp.Or(err, r.checkVersion(n.CNIVersion)); err != nil {
		return err
	}
	return p.release(ctx, n, func(_ context.Context, store backend.Store) error {
		_, err := allocator.Collect(ctx, stores.Patient(store, n.LockTimeout), valid)
		return err
	})
}

func (p *Plugin) release(ctx context.Context, n config.Network, fn func(context.Context, backend.Store) error) error {
	kind, err := stores.KindAt(n.Path())
	if err != nil || kind == stores.None {
		return err
	}
	store, _, err := stores.Open(n.Path(), stores.None)
	if err != nil {
		return err
	}
	waiting := newTimeout(ctx, n.LockTimeout)
	return fn(waiting, p.attend(waiting, store))
}

// check makes sure that the addresses in prevResult are leased to the attachment.
func (p *Plugin) check(ctx context.Context, r request) error {
	c, err := r.config()
	if err != nil {
		return err
	}
	listed, err := config.ParsePrevResult(r.stdin)
	if err != nil {
		return err
	}
	waiting := newTimeout(ctx, c.LockTimeout)
	return p.withAllocator(waiting, c, func(a *allocator.Allocator) error {
		return a.Check(waiting, r.owner, listed)
	})
}

// status makes sure that an ADD can be served (CNI SPEC 1.1, section 2, STATUS).
func (p *Plugin) status(ctx context.Context, r request) error {
	c, err := r.config()
	if err != nil {
		return err
	}
	if err := p.ready(ctx, c, r); err != nil {
		e := explain(err, r.subject())
		return &answer{codeNotAvailable, e.Msg, e.Details}
	}
	return nil
}

func (p *Plugin) ready(ctx context.Context, c *config.Config, r request) error {
	if _, err := readDNS(c); err != nil {
		return err
	}
	waiting := newTimeout(ctx, c.LockTimeout)
	err := p.withAllocator(waiting, c, func(a *allocator.Allocator) error {
		if err := stores.Usable(c.Path()); err != nil {
			return err
		}
		return a.Status(waiting)
	})
	err = p.readyWithOthers(waiting, c, r, err)
	if exhausted := (*allocator.ExhaustedError)(nil); !c.ExhaustedFails && errors.As(err, &exhausted) {
		return nil
	}
	return err
}
