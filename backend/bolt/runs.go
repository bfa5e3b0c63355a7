package bolt

import (
	"fmt"
	"net/netip"

	"github.com/leasehold/leasehold/backend/bolt/internal/format"
)

// runAt returns the last run that begins at addr or before, of any family.
func (t *session) runAt(addr netip.Addr) (format.Run, error) {
	// No other run begins right after one, or the two would be one.
	if last := t.cache.run; last.Contains(addr) || last.EndsBefore(addr) {
		return last, nil
	}
	if err := t.flushRun(); err != nil {
		return format.Run{}, err
	}
	k, v := t.runs.iterate().atOrBefore(format.AddrKey(addr))
	if k == nil {
		return format.Run{}, nil
	}
	r, err := t.decodeRun(k, v)
	if err == nil {
		t.cache.run = r
	}
	return r, err
}

// decodeRun decodes an entry of the runs index.
func (t *session) decodeRun(k, v []byte) (format.Run, error) {
	r, err := format.DecodeRun(k, v)
	if err != nil {
		return r, t.store.damaged(err)
	}
	return r, nil
}

// addToRuns adds a free address to the runs: to the one that ends before it, the one that
// begins after it, both, or as a run of its own.
func (t *session) addToRuns(addr netip.Addr) error {
	before, err := t.runAt(addr)
	if err != nil {
		return err
	}
	if before.Contains(addr) {
		return t.errRuns(addr)
	}
	joined := format.Run{First: addr, Last: addr}
	if before.EndsBefore(addr) {
		joined.First = before.First
	}
	if next := addr.Next(); next.IsValid() {
		if v := t.runs.Get(format.AddrKey(next)); v != nil {
			after, err := t.decodeRun(format.AddrKey(next), v)
			if err != nil {
				return err
			}
			joined.Last = after.Last
			if err := t.runs.Delete(format.AddrKey(next)); err != nil {
				return err
			}
		}
	}
	return t.putRun(joined)
}

// removeFromRuns removes a leased address from its run, which shrinks, splits or is removed.
func (t *session) removeFromRuns(addr netip.Addr) error {
	r, err := t.runAt(addr)
	if err != nil {
		return err
	}
	if !r.Contains(addr) {
		return t.errRuns(addr)
	}
	if r.First == addr {
		t.cache.run, t.cache.runDirty = format.Run{}, false
		err = t.runs.Delete(format.AddrKey(addr))
	} else {
		err = t.putRun(format.Run{First: r.First, Last: addr.Prev()})
	}
	if err == nil && r.Last != addr {
		err = t.putRun(format.Run{First: addr.Next(), Last: r.Last})
	}
	return err
}

// putRun puts a run, and keeps it in memory until another one is put: the next address often
// belongs to the same run.
func (t *session) putRun(r format.Run) error {
	if t.cache.run.First != r.First {
		if err := t.flushRun(); err != nil {
			return err
		}
	}
	t.cache.run, t.cache.runDirty = r, true
	return nil
}

// errRuns returns the error for an address of which leases and runs index disagree.
func (t *session) errRuns(addr netip.Addr) error {
	return t.store.damaged(fmt.Sprintf("leases and runs index disagree about %s", addr))
}
