package hostlocal

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/containernetworking/cni/pkg/types"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/stores"
)

// add leases addresses and writes the result. If the result cannot be delivered
// the leases are given back: nobody would know of them.
func (p *Plugin) add(ctx context.Context, r request) error {
	c, err := r.config()
	if err != nil {
		return err
	}
	dns, err := readDNS(c)
	if err != nil {
		return err
	}
	a, err := newAllocator(c)
	if err != nil {
		return err
	}
	ctx = newTimeout(ctx, c.LockTimeout)
	got, err := a.Allocate(ctx, allocator.Request{
		Owner: r.owner, Addrs: c.Requested, Pod: c.Pod, Netns: r.netns,
	})
	if err != nil {
		return err
	}
	if err := writeResult(p.Stdout, c, got, dns); err != nil {
		err = fmt.Errorf("write to standard output: %w", err)
		return errors.Join(err, a.Undo(ctx, r.owner, got))
	}
	return nil
}

// config reads the whole configuration.
func (r request) config() (*config.Config, error) {
	c, err := config.Parse(r.stdin, r.args)
	if err != nil {
		return nil, err
	}
	return c, r.speaks(c.CNIVersion)
}

func readDNS(c *config.Config) (types.DNS, error) {
	if c.ResolvConf == "" {
		return types.DNS{}, nil
	}
	return readResolvConf(c.ResolvConf)
}

// newAllocator opens the store that the configuration is about.
func newAllocator(c *config.Config) (*allocator.Allocator, error) {
	store, kind, err := stores.Open(c.Path(), c.Backend)
	if err != nil {
		return nil, err
	}
	return allocator.New(store, c.Pool, allocator.Options{
		OnDuplicate:         c.OnDuplicate,
		Boot:                boot.Current().ID,
		ReleaseEarlierBoots: c.OnReboot.Releases(kind),
	}), nil
}

// del releases what the attachment holds. Whatever store stands there is the one
// that holds it, and where none stands there is nothing to release.
func del(ctx context.Context, r request) error {
	n, err := config.ParseNetwork(r.stdin)
	if err := cmp.Or(err, r.speaks(n.CNIVersion)); err != nil {
		return err
	}
	return release(ctx, n, func(ctx context.Context, store backend.Store) error {
		_, err := allocator.Release(ctx, store, r.owner)
		return err
	})
}

// gc releases what belongs to none of the attachments that the runtime lists.
func gc(ctx context.Context, r request) error {
	n, valid, err := config.ParseAttachments(r.stdin)
	if err := cmp.Or(err, r.speaks(n.CNIVersion)); err != nil {
		return err
	}
	return release(ctx, n, func(ctx context.Context, store backend.Store) error {
		_, err := allocator.Collect(ctx, store, valid)
		return err
	})
}

func release(ctx context.Context, n config.Network, fn func(context.Context, backend.Store) error) error {
	standing, err := stores.Standing(n.Path())
	if err != nil || standing == stores.None {
		return err
	}
	store, _, err := stores.Open(n.Path(), stores.None)
	if err != nil {
		return err
	}
	return fn(newTimeout(ctx, n.LockTimeout), store)
}

// check makes sure that what prevResult lists is leased to the attachment.
func check(ctx context.Context, r request) error {
	c, err := r.config()
	if err != nil {
		return err
	}
	listed, err := config.ParsePrevResult(r.stdin)
	if err != nil {
		return err
	}
	a, err := newAllocator(c)
	if err != nil {
		return err
	}
	ctx = newTimeout(ctx, c.LockTimeout)
	return a.Check(ctx, r.owner, listed)
}

// status makes sure that an ADD can be served (CNI SPEC 1.1, section 2, STATUS).
func status(ctx context.Context, r request) error {
	c, err := r.config()
	if err != nil {
		return err
	}
	if err := ready(ctx, c); err != nil {
		e := explain(err, c.Name)
		return types.NewError(types.ErrPluginNotAvailable, e.Msg, e.Details)
	}
	return nil
}

func ready(ctx context.Context, c *config.Config) error {
	a, err := newAllocator(c)
	if err != nil {
		return err
	}
	if err := stores.Usable(c.Path()); err != nil {
		return err
	}
	ctx = newTimeout(ctx, c.LockTimeout)
	err = a.Status(ctx)
	if exhausted := (*allocator.ExhaustedError)(nil); !c.ExhaustedFails && errors.As(err, &exhausted) {
		return nil
	}
	return err
}
