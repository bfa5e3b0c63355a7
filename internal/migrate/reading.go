package migrate

import (
	"context"
	"fmt"
	"iter"
	"net/netip"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/internal/config"
)

// Forgotten counts the leases of which a store of files cannot hold everything.
type Forgotten struct {
	Leases int // of which one of the following is known
	Boots  int // others than the present one, which the new file has
	Pods   int
	Netns  int
	Times  int // that are not known: a file has one
}

// A reading is what the old store holds, as the new one can hold it. What passes
// through it is counted.
type reading struct {
	backend.ReadTx
	ctx context.Context // of the whole migration
	Options

	sum       *summer
	total     int // leases, about
	torn      []netip.Addr
	forgotten Forgotten
}

func newReading(ctx context.Context, tx backend.ReadTx, o Options) *reading {
	return &reading{ReadTx: tx, ctx: ctx, Options: o, sum: newSummer()}
}

// content returns it.
func (r *reading) content() (backend.Content, error) {
	if r.Progress != nil {
		var err error
		if r.total, err = count(r.ReadTx); err != nil {
			return backend.Content{}, err
		}
	}
	c, err := backend.ContentOf(r)
	c.Leases = passing(c.Leases, r.pass)
	if c.Boot == "" {
		// Otherwise the leases of which no boot is known would outlive the next one.
		c.Boot = r.Present.SearchRecord(r.Now)
	}
	return c, err
}

// count returns how many leases there are, without reading them.
func count(tx backend.ReadTx) (n int, err error) {
	for _, family := range []string{"0.0.0.0/0", "::/0"} {
		r, err := allocator.NewRange(allocator.RangeSpec{Subnet: netip.MustParsePrefix(family), NoGateway: true})
		if err != nil {
			return 0, err
		}
		set, err := allocator.NewSet(r)
		if err != nil {
			return 0, err
		}
		pool, err := allocator.NewPool(set)
		if err != nil {
			return 0, err
		}
		usage, err := pool.Usage(tx)
		if err != nil {
			return 0, err
		}
		n += int(usage[0].Leased)
	}
	return n, nil
}

// Leases notes the leases that [backend.ContentOf] leaves out.
func (r *reading) Leases(from netip.Addr) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		for l, err := range r.ReadTx.Leases(from) {
			if err == nil && l.Owner.IsZero() {
				r.torn = append(r.torn, l.Addr)
			}
			if !yield(l, err) {
				return
			}
		}
	}
}

// pass makes of a lease what the new store can hold.
func (r *reading) pass(l *backend.Lease) error {
	if err := r.ctx.Err(); err != nil {
		return fmt.Errorf("the migration was stopped: %w", context.Cause(r.ctx))
	}
	if what, ok := files.Foreign(*l); ok {
		return fmt.Errorf("%w: in the place of the lease of %s there is a %s; move it away and try again",
			backend.ErrDamaged, l.Addr, what)
	}
	*l = r.forgotten.fit(*l, r.Options)
	r.sum.add(*l)
	if r.Progress != nil {
		r.Progress(r.sum.sum.leases, r.total)
	}
	return nil
}

// fit returns what a store of the kind o.To can hold of a lease, and counts what it
// cannot. If it has to have a time, that is o.Now.
func (f *Forgotten) fit(l backend.Lease, o Options) backend.Lease {
	if o.To != config.Files {
		return l
	}
	if l.Boot == o.Present.ID {
		l.Boot = ""
	}
	kept := backend.Lease{Addr: l.Addr, Owner: l.Owner, Since: l.Since}
	if l.Since.IsZero() {
		kept.Since = o.Now.UTC()
	}
	if kept == l {
		return l
	}
	f.Leases++
	for _, known := range []struct {
		is    bool
		count *int
	}{
		{l.Boot != "", &f.Boots}, {l.Pod != (backend.Pod{}), &f.Pods},
		{l.Netns != "", &f.Netns}, {l.Since.IsZero(), &f.Times},
	} {
		if known.is {
			*known.count++
		}
	}
	return kept
}
