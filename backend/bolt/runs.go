package bolt

import (
	"bytes"
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

// reaches reports whether addr lies in the run or right behind it. No other run begins
// there, or the two would be one.
func (r run) reaches(addr netip.Addr) bool {
	return r.holds(addr) || r.last.IsValid() && r.last.Next() == addr
}

// runAt returns the last run that begins at addr or before, of any family.
func (t *session) runAt(addr netip.Addr) (run, error) {
	if t.memo.run.reaches(addr) {
		return t.memo.run, nil
	}
	if err := t.flushRun(); err != nil {
		return run{}, err
	}
	c := t.runs.Cursor()
	k, v := c.Seek(addrKey(addr))
	if k == nil {
		k, v = c.Last()
	} else if !bytes.Equal(k, addrKey(addr)) {
		k, v = c.Prev()
	}
	if k == nil {
		return run{}, nil
	}
	r, err := t.decodeRun(k, v)
	if err == nil {
		t.memo.run = r
	}
	return r, err
}

// decodeRun decodes an entry of the index.
func (t *session) decodeRun(k, v []byte) (run, error) {
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
func (t *session) join(addr netip.Addr) error {
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
func (t *session) part(addr netip.Addr) error {
	r, err := t.runAt(addr)
	if err != nil {
		return err
	}
	if !r.holds(addr) {
		return t.disagree(addr)
	}
	if r.first == addr {
		t.memo.run, t.memo.newer = run{}, false
		err = t.runs.Delete(addrKey(addr))
	} else {
		err = t.putRun(run{r.first, addr.Prev()})
	}
	if err == nil && r.last != addr {
		err = t.putRun(run{addr.Next(), r.last})
	}
	return err
}

// putRun puts a run, and leaves it in memory until another one is put: the next address
// often joins the same.
func (t *session) putRun(r run) error {
	if t.memo.run.first != r.first {
		if err := t.flushRun(); err != nil {
			return err
		}
	}
	t.memo.run, t.memo.newer = r, true
	return nil
}

// disagree is the error where leases and runs say different things of an address.
func (t *session) disagree(addr netip.Addr) error {
	return t.store.damaged(fmt.Sprintf("leases and runs disagree on %s", addr))
}
