package files

import (
	"cmp"
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
	s := &scan{dir: t.dir, id: []byte(id)}
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
		l, err := t.dir.list(t.redirects, s.add)
		if err == nil {
			t.listing = l
		}
		return err
	}
	for _, addr := range t.listing.plain {
		s.add(addr)
	}
	return nil
}
