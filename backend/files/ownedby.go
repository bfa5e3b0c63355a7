package files

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/backend"
)

// OwnedBy implements [backend.ReadTx].
func (t *tx) OwnedBy(o backend.Owner) ([]backend.Lease, error) {
	if err := t.usable(); err != nil || o.ContainerID == "" {
		return nil, err
	}
	candidates, err := t.candidates(o.ContainerID)
	if err != nil {
		return nil, err
	}
	var owned []backend.Lease
	for l, err := range t.each(sortedSet(candidates, t.putAddrs())) {
		if err != nil {
			return nil, err
		}
		if o.Covers(l.Owner) {
			owned = append(owned, l)
		}
	}
	return owned, nil
}

// candidates returns the stored addresses whose leases may belong to a container.
func (t *tx) candidates(id string) ([]netip.Addr, error) {
	s := newScan(t.dir, id)
	listErr := t.listInto(s)
	found, err := s.finish()
	if err := cmp.Or(listErr, err); err != nil {
		return nil, err
	}
	return slices.AppendSeq(found, maps.Keys(t.listing.irregular)), nil
}

// listInto lists the directory, if it was not listed yet, and queues the files for the scan.
func (t *tx) listInto(s *scan) (err error) {
	if t.listing == nil {
		l, err := t.dir.list(t.redirects, s.addAddr)
		if err == nil {
			t.listing = l
		}
		return err
	}
	for _, addr := range t.listing.plain {
		s.addAddr(addr)
	}
	return nil
}

// A scan finds the lease files that begin with a container ID, which takes reading every file.
// With many leases a transaction spends most of its time on that, so the scan begins while the
// directory is still being listed.
type scan struct {
	readers
	id     []byte
	addrs  []netip.Addr // of the next chunk, which is not full yet
	chunks []*chunk
}

func newScan(d *dir, id string) *scan {
	s := &scan{id: []byte(id)}
	s.readers = readers{dir: d, read: s.match}
	return s
}

// addAddr queues the lease file of addr.
func (s *scan) addAddr(addr netip.Addr) {
	if s.addrs = append(s.addrs, addr); len(s.addrs) < chunkLen {
		return
	}
	c := newChunk(s.addrs)
	s.chunks = append(s.chunks, c)
	s.add(c)
	s.addrs = make([]netip.Addr, 0, chunkLen)
}

// finish waits until all files are read, and returns the addresses whose files match. It must
// be called even if the result is not needed.
func (s *scan) finish() (matching []netip.Addr, err error) {
	rest := newChunk(s.addrs)
	s.match(newReader(s.dir), rest)
	s.stop()
	for _, c := range append(s.chunks, rest) {
		matching = append(matching, c.matching...)
		err = cmp.Or(err, c.err)
	}
	return matching, err
}

// match reads the files of a chunk, up to the first error.
func (s *scan) match(r *reader, c *chunk) {
	for _, addr := range c.addrs {
		content, err := r.read(addr)
		if errors.Is(err, fs.ErrNotExist) {
			continue // Another program has removed it without the lock.
		}
		if err != nil {
			c.err = err
			return
		}
		if bytes.HasPrefix(trim(content), s.id) {
			c.matching = append(c.matching, addr)
		}
	}
}
