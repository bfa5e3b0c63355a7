package files

import (
	"cmp"
	"errors"
	"io/fs"
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

// Lease implements [backend.ReadTx].
func (t *tx) Lease(addr netip.Addr) (backend.Lease, error) {
	if err := cmp.Or(t.usable(), storekit.CheckAddr(addr)); err != nil {
		return backend.Lease{}, err
	}
	return t.lease(addr)
}

func (t *tx) lease(addr netip.Addr) (l backend.Lease, err error) {
	if l, ok := t.puts[addr]; ok {
		return l.Lease, nil
	}
	err = t.withFile(addr, func(_, resolved string) (err error) {
		l, err = t.readLease(addr, resolved)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return backend.Lease{}, storekit.NotFound(addr)
	}
	return l, err
}

func (t *tx) readLease(addr netip.Addr, name string) (backend.Lease, error) {
	if t.buf == nil {
		t.buf = make([]byte, maxContent)
	}
	content, info, err := t.dir.read(name, t.buf, maxContent)
	if o, ok := foreignOwner(err); ok {
		return backend.Lease{Addr: addr, Owner: o}, nil
	}
	if err != nil {
		return backend.Lease{}, err
	}
	return t.newLease(addr, parseOwner(content), info), nil
}

func (t *tx) newLease(addr netip.Addr, o backend.Owner, i info) backend.Lease {
	return backend.Lease{Addr: addr, Owner: o, Since: i.modified.UTC(), Boot: t.bootOf(i)}
}

func (t *tx) putAddrs() []netip.Addr { return slices.Collect(maps.Keys(t.puts)) }

// Leases implements [backend.ReadTx].
func (t *tx) Leases(from netip.Addr) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		all, err := t.addrsFrom(from)
		if err != nil {
			yield(backend.Lease{}, err)
			return
		}
		t.each(all)(yield)
	}
}

func (t *tx) addrsFrom(from netip.Addr) ([]netip.Addr, error) {
	if err := cmp.Or(t.usable(), storekit.CheckFrom(from)); err != nil {
		return nil, err
	}
	l, err := t.list()
	if err != nil {
		return nil, err
	}
	all := l.addrs()
	if len(t.puts) > 0 {
		all = sortedSet(all, t.putAddrs())
	}
	i, _ := slices.BinarySearchFunc(all, from, netip.Addr.Compare)
	return all[i:], nil
}

// each iterates over the leases of the given addresses, skipping addresses without one, up to
// the first error.
func (t *tx) each(addrs []netip.Addr) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		for c := range t.dir.readAhead(addrs) {
			for i, addr := range c.addrs {
				var f leaseFile
				if c.files != nil {
					f = c.files[i]
				}
				l, err := t.leaseOf(addr, f)
				if errors.Is(err, backend.ErrNotFound) {
					continue
				}
				if !yield(l, err) || err != nil {
					return
				}
			}
		}
	}
}

// leaseOf is lease for an address whose file may have been read ahead.
func (t *tx) leaseOf(addr netip.Addr, f leaseFile) (backend.Lease, error) {
	if !f.ok || len(t.puts) > 0 || len(t.redirects) > 0 {
		return t.lease(addr)
	}
	return t.newLease(addr, f.owner, f.info), nil
}

// chunksAhead is how many chunks are read ahead: enough to keep the readers busy.
const chunksAhead = 2 * maxReaders

// readAhead divides addresses into chunks. While the caller works on one, several goroutines
// read the files of the next ones. The first chunk is not read ahead, so that a short iteration
// starts no goroutine, and one that ends early has read nothing in vain.
func (d *dir) readAhead(addrs []netip.Addr) iter.Seq[*chunk] {
	return func(yield func(*chunk) bool) {
		first := addrs[:min(len(addrs), chunkLen)]
		if !yield(&chunk{addrs: first}) {
			return
		}
		var chunks []*chunk
		for some := range slices.Chunk(addrs[len(first):], chunkLen) {
			chunks = append(chunks, newChunk(some))
		}
		r := &readers{dir: d, read: (*reader).readAll}
		defer r.stop()
		queued := 0
		for i, c := range chunks {
			for ; queued < min(i+chunksAhead, len(chunks)); queued++ {
				r.add(chunks[queued])
			}
			if <-c.done; !yield(c) {
				return
			}
			chunks[i] = nil // Let the garbage collector have it.
		}
	}
}
