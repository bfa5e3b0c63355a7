package bolt

import (
	"fmt"
	"net/netip"
)

// A run is a span of consecutive leased addresses, as long as it can be: the
// addresses before and after it are free. The zero run is none.
type run struct{ first, last netip.Addr }

// holds reports whether addr lies in the run.
func (r run) holds(addr netip.Addr) bool {
	return r.first.IsValid() && r.first.BitLen() == addr.BitLen() &&
		r.first.Compare(addr) <= 0 && addr.Compare(r.last) <= 0
}

// runAt returns the last run that begins at addr or before, of any family.
func (t *tx) runAt(addr netip.Addr) (run, error) {
	c := t.runs.Cursor()
	k, v := c.Seek(addrKey(addr))
	switch at, err := keyAddr(k); {
	case k == nil:
		k, v = c.Last()
	case err != nil || at != addr:
		k, v = c.Prev()
	}
	if k == nil {
		return run{}, nil
	}
	return t.decodeRun(k, v)
}

// decodeRun decodes an entry of the index.
func (t *tx) decodeRun(k, v []byte) (run, error) {
	first, err := keyAddr(k)
	if err != nil {
		return run{}, t.store.damaged(fmt.Sprintf("run: %v", err))
	}
	last, err := keyAddr(v)
	if err != nil {
		return run{}, t.store.damaged(fmt.Sprintf("run from %s: %v", first, err))
	}
	if first.BitLen() != last.BitLen() || last.Less(first) {
		return run{}, t.store.damaged(fmt.Sprintf("run from %s ends at %s", first, last))
	}
	return run{first, last}, nil
}

// join adds a free address to the runs: to the one that ends before it, the one
// that begins after it, both, or as a run of its own.
func (t *tx) join(addr netip.Addr) error {
	before, err := t.runAt(addr)
	if err != nil {
		return err
	}
	if before.holds(addr) {
		return t.disagree(addr)
	}
	joined := run{addr, addr}
	if before.last.IsValid() && before.last.Next() == addr {
		joined.first = before.first
	}
	if next := addr.Next(); next.IsValid() {
		if v := t.runs.Get(addrKey(next)); v != nil {
			after, err := t.decodeRun(addrKey(next), v)
			if err != nil {
				return err
			}
			joined.last = after.last
			if err := t.runs.Delete(addrKey(next)); err != nil {
				return err
			}
		}
	}
	return t.putRun(joined)
}

// part takes a leased address out of its run, which shrinks, splits or goes.
func (t *tx) part(addr netip.Addr) error {
	r, err := t.runAt(addr)
	if err != nil {
		return err
	}
	if !r.holds(addr) {
		return t.disagree(addr)
	}
	if r.first == addr {
		err = t.runs.Delete(addrKey(addr))
	} else {
		err = t.putRun(run{r.first, addr.Prev()})
	}
	if err == nil && r.last != addr {
		err = t.putRun(run{addr.Next(), r.last})
	}
	return err
}

func (t *tx) putRun(r run) error { return t.runs.Put(addrKey(r.first), addrKey(r.last)) }

// disagree is the error where leases and runs say different things of an address.
func (t *tx) disagree(addr netip.Addr) error {
	return t.store.damaged(fmt.Sprintf("leases and runs disagree on %s", addr))
}
