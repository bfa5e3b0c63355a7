package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// Verify reads the whole store and returns everything that is wrong with it, joined into one
// error: corrupt pages, leases that cannot be decoded, entries that an index lacks or has
// too many. Of many faults it returns a hundred, and how many more there are. A store that
// does not exist yet has no faults.
//
// The file may have any content: all pages are checked before bbolt reads them, and if one
// is corrupt, nothing else is verified.
func (s *Store) Verify(ctx context.Context) error {
	leave, err := s.enter(ctx, false)
	if err != nil {
		return err
	}
	defer leave()
	f, err := s.openShared(ctx, examine)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	c, interrupted, err := inspectAsIs(f)
	if err != nil || !c.faults.None() {
		f.Close() // It was only read.
		return s.joinAll(err, c.faults)
	}
	if interrupted {
		if f, err = s.withoutInterrupted(f); err != nil {
			return err
		}
	}
	v := verifier{undecodable: make(map[netip.Addr]bool), found: c.lostMetas}
	err = s.transactOn(f, viewing, true, func(t *session) error {
		v.tx = &tx{session: t}
		if err := t.guard(v.verify); err != nil {
			v.found.Add(err)
		}
		return nil
	})
	if c.altered != nil && v.found.None() {
		v.found.Add(errFault(c.altered))
	}
	return s.joinAll(err, v.found)
}

// joinAll joins err, if there is one, and all that has been found.
func (s *Store) joinAll(err error, found page.Errors) error {
	var all []error
	if err != nil {
		all = append(all, s.wrapPath(err))
	}
	for _, f := range found.List {
		all = append(all, s.wrapPath(f))
	}
	if found.More > 0 {
		all = append(all, s.damaged(fmt.Sprintf("and %d more", found.More)))
	}
	return errors.Join(all...)
}

// A verifier derives the indices anew and compares them with the indices of the store.
type verifier struct {
	*tx
	derived     []format.Run        // the runs of the leases, from the first that was not compared
	undecodable map[netip.Addr]bool // leases whose records cannot be decoded, which was reported
	found       page.Errors
	cooling     []backend.Cooling // those above the leases so far
}

// damaged adds [backend.ErrDamaged] with a reason to what was found.
func (v *verifier) damaged(format string, args ...any) {
	v.found.Add(fmt.Errorf("%w: "+format, append([]any{backend.ErrDamaged}, args...)...))
}

func (v *verifier) verify() error {
	if v.found.None() { // With a meta page lost bbolt's check panics, and its transactions do not.
		for err := range v.bolt.Check() {
			v.damaged("%w", err)
		}
	}
	if _, err := v.tx.Cursors(); err != nil {
		v.found.Add(err)
	}
	if _, err := v.tx.Counts(); err != nil {
		v.found.Add(err)
	}
	if err := v.verifyCooling(); err != nil {
		return err
	}
	if err := v.verifyLeases(); err != nil {
		return err
	}
	v.deriveCooling(netip.Addr{})
	if err := v.runs.ForEach(v.verifyRun); err != nil {
		return err
	}
	for len(v.derived) > 0 {
		v.missingRun()
	}
	if err := v.verifyShared(); err != nil {
		return err
	}
	return v.verifyHistory()
}

// verifyLeases verifies the leases and their owners index, and derives the runs.
func (v *verifier) verifyLeases() error {
	if err := v.leases.ForEach(v.verifyLease); err != nil {
		return err
	}
	return v.owners.ForEach(v.verifyOwner)
}

// verifyCooling verifies that cooling and queue have the same addresses and times, none of them of a
// lease, and keeps them.
func (v *verifier) verifyCooling() error {
	if v.tx.cooling == nil {
		return nil
	}
	queued := 0
	err := v.queue.ForEach(func(key, _ []byte) error {
		queued++
		c, err := format.DecodeQueue(key)
		if err != nil {
			v.damaged("%w", err)
		} else if !bytes.Equal(v.tx.cooling.Get(format.AddrKey(c.Addr)), format.CoolingTime(c.Since)) {
			v.damaged("queue has %s, which is not cooling since %s", c.Addr, c.Since.Format(time.RFC3339))
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = v.tx.cooling.ForEach(func(key, value []byte) error {
		c, err := format.DecodeCooling(key, value)
		if err != nil {
			v.damaged("%w", err)
			return nil
		}
		if v.leases.Get(key) != nil {
			v.damaged("%s is cooling, and leased", c.Addr)
			return nil
		}
		v.cooling = append(v.cooling, c)
		return nil
	})
	if len(v.cooling) > queued {
		v.damaged("queue has %d addresses, and %d are cooling", queued, len(v.cooling))
	}
	return err
}

// deriveCooling adds the cooling addresses below addr to the derived runs; all if it is zero.
func (v *verifier) deriveCooling(addr netip.Addr) {
	for len(v.cooling) > 0 && (!addr.IsValid() || v.cooling[0].Addr.Less(addr)) {
		v.derived = format.AppendToRuns(v.derived, v.cooling[0].Addr)
		v.cooling = v.cooling[1:]
	}
}

// verifyLease verifies an entry of leases and its entry in the owners index.
func (v *verifier) verifyLease(key, record []byte) error {
	addr, err := format.ParseAddr(key)
	if err != nil {
		v.damaged("%w", err)
		return nil
	}
	v.deriveCooling(addr)
	v.derived = format.AppendToRuns(v.derived, addr)
	l, err := v.decode(addr, record)
	if err != nil {
		v.undecodable[addr] = true
		v.found.Add(err)
		return nil
	}
	if v.owners.Get(format.OwnerKey(l.Owner.ContainerID, addr)) == nil {
		v.damaged("owners index lacks %s", addr)
	}
	return nil
}

// verifyOwner verifies that an entry of the owners index has a lease of that owner.
func (v *verifier) verifyOwner(key, _ []byte) error {
	if len(key) < format.HashLen {
		v.damaged("owners index has malformed key %x", key)
		return nil
	}
	if addr, err := format.ParseAddr(key[format.HashLen:]); err == nil && v.undecodable[addr] {
		return nil
	}
	l, err := v.indexed(key)
	if err != nil {
		v.found.Add(err)
	} else if !bytes.Equal(key, format.OwnerKey(l.Owner.ContainerID, l.Addr)) {
		v.damaged("owners index has %s under another owner", l.Addr)
	}
	return nil
}

// verifyRun verifies that an entry of the runs index is the next derived one.
func (v *verifier) verifyRun(key, value []byte) error {
	r, err := v.decodeRun(key, value)
	if err != nil {
		v.found.Add(err)
		return nil
	}
	for len(v.derived) > 0 && v.derived[0].First.Less(r.First) {
		v.missingRun()
	}
	if len(v.derived) > 0 && v.derived[0] == r {
		v.derived = v.derived[1:]
		return nil
	}
	v.damaged("runs index has %s to %s, which is not a run of leases", r.First, r.Last)
	if len(v.derived) > 0 && v.derived[0].First == r.First {
		v.derived = v.derived[1:]
	}
	return nil
}

// verifyHistory verifies that the numbers of the history follow each other, that each names the one
// before it of its address, and that latest has the last one of each address and nothing else.
func (v *verifier) verifyHistory() error {
	if v.history == nil {
		return nil
	}
	first, err := v.firstPast()
	if err != nil {
		v.found.Add(err)
		return nil
	}
	latest := make(map[netip.Addr]uint64)
	pods := make(map[uint64]backend.Pod)
	next := uint64(0)
	err = v.history.ForEach(func(key, value []byte) error {
		if !format.IsPackKey(key) {
			return nil
		}
		p, err := v.decodePack(key, value)
		if err != nil {
			v.found.Add(err)
			return nil
		}
		switch {
		case next == 0 && (first < p.First || first >= p.Next()):
			v.damaged("history has number %d first, and not %d", p.First, first)
		case next != 0 && p.First != next:
			v.damaged("history has number %d after %d", p.First, next-1)
		}
		next = p.Next()
		p = p.From(first)
		for i, past := range p.List {
			v.verifyPast(p.First+uint64(i), past, latest[past.Addr], first)
			latest[past.Addr] = p.First + uint64(i)
			if v.pods != nil {
				pods[p.First+uint64(i)] = past.Pod()
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := v.verifyLatest(latest); err != nil {
		return err
	}
	return v.verifyPods(pods)
}

// verifyPods verifies that the bucket pods leads to ended leases of these pods. It need not have all.
func (v *verifier) verifyPods(of map[uint64]backend.Pod) error {
	if v.pods == nil {
		return nil
	}
	return v.pods.ForEach(func(key, value []byte) error {
		numbers, err := format.DecodePodNumbers(key, value)
		if err != nil {
			v.damaged("%w", err)
		}
		for _, number := range numbers {
			if pod := of[number]; pod == (backend.Pod{}) || !bytes.Equal(format.PodKey(pod), key) {
				v.damaged("pods has number %d at %x, which is not of that pod", number, key)
			}
		}
		return nil
	})
}

// verifyPast verifies an ended lease of the history, which begins with the number first; before is
// the number of the one before it of its address.
func (v *verifier) verifyPast(number uint64, past format.Past, before, first uint64) {
	if past.Before != before && (before != 0 || past.Before >= first) {
		v.damaged("number %d of the history names %d as the one before it of %s, which is %d", number, past.Before, past.Addr, before)
	}
	if _, err := past.Ended(); err != nil {
		v.damaged("number %d of the history: %w", number, err)
	}
}

// verifyLatest verifies that the bucket latest has these numbers.
func (v *verifier) verifyLatest(want map[netip.Addr]uint64) error {
	err := v.latest.ForEach(func(key, value []byte) error {
		err := format.Latest(value).Each(key, func(addr netip.Addr, number uint64) {
			if want[addr] != number {
				v.damaged("latest has %d for %s, and the history %d", number, addr, want[addr])
			}
			delete(want, addr)
		})
		if err != nil {
			v.damaged("%w", err)
		}
		return nil
	})
	for addr, number := range want {
		v.damaged("latest lacks %s, which the history has at %d", addr, number)
	}
	return err
}

// missingRun reports that the runs index lacks the next derived run.
func (v *verifier) missingRun() {
	v.damaged("runs index lacks %s to %s", v.derived[0].First, v.derived[0].Last)
	v.derived = v.derived[1:]
}

// verifyShared verifies what only a shared store has, and that another store has none of it.
func (v *verifier) verifyShared() error {
	if !v.isShared() {
		for _, slot := range v.sharedSlots() {
			if v.bolt.Bucket(slot.name) != nil {
				v.damaged("bucket %q is there, but the store is not marked as shared", slot.name)
			}
		}
		return nil
	}
	if _, err := v.tx.Membership(); err != nil {
		v.found.Add(err)
	}
	expected, err := v.verifyBlocks()
	if err != nil {
		return err
	}
	return v.verifyVacant(expected)
}

// verifyBlocks verifies the blocks, and returns the entries that the index of vacant ones must
// have, each a key and a value.
func (v *verifier) verifyBlocks() (vacant map[string]bool, err error) {
	vacant = make(map[string]bool)
	var last backend.Block
	return vacant, v.blocks.ForEach(func(key, value []byte) error {
		b, err := format.DecodeBlock(key, value)
		if err != nil {
			v.damaged("%w", err)
			return nil
		}
		if last.First.IsValid() && b.Overlaps(last) {
			v.damaged("block %s overlaps block %s", b, last)
		}
		last = b
		full, err := v.isFull(b)
		if err == nil && b.State == backend.Open && !full {
			vacant[string(key)+string(format.VacantValue(b))] = true
		}
		return err
	})
}

// verifyVacant verifies that the index of vacant blocks has exactly the expected entries.
func (v *verifier) verifyVacant(expected map[string]bool) error {
	err := v.vacant.ForEach(func(key, value []byte) error {
		entry := string(key) + string(value)
		if !expected[entry] {
			v.damaged("index of vacant blocks has %x, which is no open block with a free address", entry)
		}
		delete(expected, entry)
		return nil
	})
	for entry := range expected {
		v.damaged("index of vacant blocks lacks %x", entry)
	}
	return err
}
