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

// Forgotten counts the leases that a files store cannot hold completely.
type Forgotten struct {
	Leases int // with at least one of the following
	Boots  int // other than the present boot, which the new file has
	Pods   int
	Netns  int
	Times  int // unknown times: a file always has one
}

// A source reads the old store as the new one can hold it, and counts what it reads.
type source struct {
	backend.ReadTx
	ctx context.Context // of the whole migration
	Options

	fingerprint *fingerprinter
	total       int // approximate number of leases
	torn        []netip.Addr
	forgotten   Forgotten
	ended       int    // length of the history, if the new store cannot have one
	lastSearch  string // of the old store
}

func newSource(ctx context.Context, tx backend.ReadTx, o Options) *source {
	return &source{ReadTx: tx, ctx: ctx, Options: o, fingerprint: newFingerprinter()}
}

// content returns the content for the new store.
func (r *source) content() (backend.Content, error) {
	if r.Progress != nil {
		var err error
		if r.total, err = count(r.ReadTx); err != nil {
			return backend.Content{}, err
		}
	}
	if h, ok := r.ReadTx.(backend.HistoryReadTx); ok && r.To == config.Files {
		var err error
		if r.ended, err = h.HistoryLen(); err != nil {
			return backend.Content{}, err
		}
	}
	c, err := backend.ContentOf(r)
	if err == nil && r.To == config.Files && !c.Membership.IsZero() {
		err = fmt.Errorf("host %s shares the addresses of %s with other hosts: %w", c.Membership.Host, c.Membership.Space, backend.ErrNotShareable)
	}
	if err != nil {
		return c, err
	}
	r.lastSearch = c.LastSearch
	c.Leases = convertEach(c.Leases, r.convert)
	if c.LastSearch == "" {
		c.LastSearch, err = r.firstSearch()
	}
	return c, err
}

// firstSearch returns the last search for a new store if the old one was never searched.
// Without one, leases of an unknown boot would outlive the next reboot. A lease file names no
// boot, only that it is of an earlier one; so if there is such a lease, the search must be of its
// boot.
func (r *source) firstSearch() (string, error) {
	if r.To == config.Files {
		for l, err := range r.ReadTx.Leases(netip.Addr{}) {
			if err != nil {
				return "", err
			}
			if earlier := r.Present.EarlierBoot(l, ""); earlier != "" {
				return earlier, nil
			}
		}
	}
	return r.Present.SearchRecord(r.Now), nil
}

// count returns the number of leases, without reading them.
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

// Leases also records the torn leases, which [backend.ContentOf] leaves out.
func (r *source) Leases(from netip.Addr) iter.Seq2[backend.Lease, error] {
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

// convert changes a lease to what the new store can hold.
func (r *source) convert(l *backend.Lease) error {
	if err := r.ctx.Err(); err != nil {
		return fmt.Errorf("the migration was stopped: %w", context.Cause(r.ctx))
	}
	if _, ok := files.Foreign(*l); ok {
		if err := files.ForeignFile(r.ReadTx, l.Addr); err != nil {
			return fmt.Errorf("%w: %w", backend.ErrDamaged, err)
		}
	}
	*l = r.forgotten.fit(*l, r.Options, r.lastSearch)
	r.fingerprint.add(*l)
	if r.Progress != nil {
		r.Progress(r.fingerprint.result.leases, r.total)
	}
	return nil
}

// fit returns the part of a lease that a store of the kind o.To can hold, and counts the rest.
// A lease without a time gets o.Now if it must have one. lastSearch is of the store of l.
func (f *Forgotten) fit(l backend.Lease, o Options, lastSearch string) backend.Lease {
	if o.To != config.Files {
		return l
	}
	earlier := o.Present.EarlierBoot(l, lastSearch)
	if l.Boot == o.Present.ID {
		l.Boot = ""
	}
	kept := backend.Lease{Addr: l.Addr, Owner: l.Owner, Since: l.Since}
	if l.Since.IsZero() {
		kept.Since = o.Now.UTC()
	}
	if kept != l {
		f.add(l)
	}
	kept.Boot = earlier // The file has no ID, but says that it is an earlier boot.
	return kept
}

// add counts what a lease file lacks of l.
func (f *Forgotten) add(l backend.Lease) {
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
}
