package bolt

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/disk"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
	"github.com/leasehold/leasehold/backend/storekit"
)

// Create makes a store with the content c at path, where there must be no file. When it
// returns nil the store is durable, its name included; after an error there is no file.
//
// Nothing else may use the path meanwhile. If the process is killed, the file at path may
// not be a store: the caller has to remove it.
func Create(path string, c backend.Content) error {
	c, err := storekit.CheckContent(c)
	if err != nil {
		return err
	}
	f, err := disk.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	l := &loader{bulk: newBulk(path, f), boots: map[string]uint64{}}
	defer l.drop() // for a panic of c; otherwise it does nothing
	if err := l.load(c); err != nil {
		return joinErr(err, l.drop())
	}
	return nil
}

// A loader turns the content of a store into items of its buckets. The entries of the owners
// index are sorted before the first is written, because container IDs come in any order.
type loader struct {
	*bulk
	run    format.Run      // the last one
	blocks []backend.Block // the open blocks that no run has reached yet
	vacant []backend.Block // the open blocks in which an address is free, so far
	boots  map[string]uint64
	owners []ownerEntry
}

// An ownerEntry is an entry of the owners index: the hash of a container ID, and an address.
type ownerEntry struct {
	hash uint64
	addr netip.Addr
}

func (l *loader) load(c backend.Content) error {
	if err := l.begin(); err != nil {
		return err
	}
	if !c.Membership.IsZero() {
		if err := l.session.guard(func() error { return createSharedBuckets(l.session.bolt) }); err != nil {
			return err
		}
		l.blocks = openBlocks(c.Blocks)
	}
	cooling, err := l.readCooling(c)
	if err != nil {
		return err
	}
	for lease, err := range c.Leases {
		for err == nil && len(cooling) > 0 && cooling[0].Addr.Less(lease.Addr) {
			err, cooling = l.extendRun(cooling[0].Addr), cooling[1:]
		}
		if err == nil && len(cooling) > 0 && cooling[0].Addr == lease.Addr {
			err = fmt.Errorf("%s is cooling: %w", lease.Addr, backend.ErrExists)
		}
		if err == nil {
			err = l.add(lease)
		}
		if err != nil {
			return err
		}
	}
	for _, rest := range cooling {
		if err := l.extendRun(rest.Addr); err != nil {
			return err
		}
	}
	most, err := l.addIndices()
	if err != nil {
		return err
	}
	if err := l.addHistory(c); err != nil {
		return err
	}
	if err := l.addRest(c); err != nil {
		return err
	}
	return l.keep(most)
}

// readCooling adds the cooling addresses, which the runs need together with the leases.
func (l *loader) readCooling(c backend.Content) (all []backend.Cooling, err error) {
	if c.Cooling == nil {
		return nil, nil
	}
	for one, err := range c.Cooling {
		if err != nil {
			return nil, err
		}
		all = append(all, one)
		value := format.CoolingTime(storekit.CoolingSince(one.Since))
		if err := l.put(format.CoolingBucket, format.AddrKey(one.Addr), value); err != nil {
			return nil, err
		}
	}
	byTime := slices.SortedFunc(slices.Values(all), func(a, b backend.Cooling) int {
		return cmp.Or(a.Since.Compare(b.Since), a.Addr.Compare(b.Addr))
	})
	for _, one := range byTime {
		key := format.QueueKey(format.CoolingTime(storekit.CoolingSince(one.Since)), one.Addr)
		if err := l.put(format.QueueBucket, key, []byte{}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// add adds a lease, and what is known by now of the indices.
func (l *loader) add(lease backend.Lease) error {
	boot, err := l.numberOf(lease.Boot)
	if err != nil {
		return err
	}
	key := format.AddrKey(lease.Addr)
	if err := l.put(format.LeasesBucket, key, format.Encode(lease, boot)); err != nil {
		return err
	}
	l.owners = append(l.owners, ownerEntry{format.OwnerHash(lease.Owner.ContainerID), lease.Addr})
	return l.extendRun(lease.Addr)
}

func (l *loader) numberOf(boot string) (uint64, error) {
	if boot == "" {
		return 0, nil
	}
	if n, ok := l.boots[boot]; ok {
		return n, nil
	}
	n := uint64(len(l.boots) + 1)
	l.boots[boot] = n
	return n, l.put(format.BootsBucket, format.BootNumber(n), []byte(boot))
}

// extendRun adds an address to the run if it is the next one, and otherwise begins another
// run.
func (l *loader) extendRun(addr netip.Addr) error {
	if l.run.EndsBefore(addr) {
		l.run.Last = addr
		return nil
	}
	ended := l.run
	l.run = format.Run{First: addr, Last: addr}
	return l.putRun(ended)
}

func (l *loader) putRun(r format.Run) error {
	if !r.First.IsValid() {
		return nil
	}
	for len(l.blocks) > 0 && l.blocks[0].First.Compare(r.Last) <= 0 {
		if !r.Contains(l.blocks[0].First) || !r.Contains(l.blocks[0].Last) {
			l.vacant = append(l.vacant, l.blocks[0])
		}
		l.blocks = l.blocks[1:]
	}
	return l.put(format.RunsBucket, format.AddrKey(r.First), format.AddrKey(r.Last))
}

// addIndices adds the rest of the indices. It returns the largest number of leases of one
// container.
func (l *loader) addIndices() (most int, err error) {
	if err := l.putRun(l.run); err != nil {
		return 0, err
	}
	slices.SortFunc(l.owners, func(a, b ownerEntry) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), a.addr.Compare(b.addr))
	})
	n := 0
	for i, o := range l.owners {
		if i == 0 || o.hash != l.owners[i-1].hash {
			n = 0
		}
		n++
		most = max(most, n)
		if err := l.put(format.OwnersBucket, format.HashedOwnerKey(o.hash, o.addr), nil); err != nil {
			return 0, err
		}
	}
	return most, nil
}

// addHistory adds the ended leases, and the policy.
func (l *loader) addHistory(c backend.Content) error {
	if c.Policy != "" {
		if err := l.put(format.HistoryBucket, format.PolicyKey, []byte(c.Policy)); err != nil {
			return err
		}
	}
	if !c.Gap.IsZero() {
		if err := l.put(format.MetaBucket, format.CountsKey, format.EncodeCounts(backend.Counts{Gap: c.Gap})); err != nil {
			return err
		}
	}
	if c.History == nil {
		return nil
	}
	latest := make(map[netip.Addr]uint64)
	pack := format.Pack{First: 1}
	for e, err := range c.History {
		if err != nil {
			return err
		}
		with := pack.With(format.NewPast(e, latest[e.Addr]))
		if with.First != pack.First {
			if err := l.put(format.HistoryBucket, pack.Key(), pack.Encode()); err != nil {
				return err
			}
		}
		pack, latest[e.Addr] = with, with.Next()-1
	}
	if len(pack.List) == 0 {
		return nil
	}
	if err := l.put(format.HistoryBucket, pack.Key(), pack.Encode()); err != nil {
		return err
	}
	return l.addLatest(latest)
}

func (l *loader) addLatest(latest map[netip.Addr]uint64) error {
	var key []byte
	var entry format.Latest
	for _, addr := range slices.SortedFunc(maps.Keys(latest), netip.Addr.Compare) {
		if k := format.LatestKey(addr); !bytes.Equal(k, key) {
			if err := l.putLatest(key, entry); err != nil {
				return err
			}
			key, entry = k, nil
		}
		var err error
		if entry, err = entry.With(addr, latest[addr]); err != nil {
			return err
		}
	}
	return l.putLatest(key, entry)
}

func (l *loader) putLatest(key []byte, entry format.Latest) error {
	if key == nil {
		return nil
	}
	return l.put(format.LatestBucket, key, entry)
}

func (l *loader) addRest(c backend.Content) error {
	for _, set := range slices.Sorted(maps.Keys(c.Cursors)) {
		if err := l.put(format.CursorsBucket, []byte(set), format.AddrKey(c.Cursors[set])); err != nil {
			return err
		}
	}
	if c.LastSearch != "" {
		if err := l.put(format.MetaBucket, format.SearchKey, []byte(c.LastSearch)); err != nil {
			return err
		}
	}
	if c.Membership.IsZero() {
		return nil
	}
	return l.addShared(c)
}

// addShared adds what only a shared store has.
func (l *loader) addShared(c backend.Content) error {
	for _, b := range c.Blocks {
		if err := l.put(format.BlocksBucket, format.AddrKey(b.First), format.EncodeBlock(b)); err != nil {
			return err
		}
	}
	for _, b := range slices.Concat(l.vacant, l.blocks) {
		if err := l.put(format.VacantBucket, format.AddrKey(b.First), format.VacantValue(b)); err != nil {
			return err
		}
	}
	if err := l.put(format.SharedBucket, format.MembershipKey, format.EncodeMembership(c.Membership)); err != nil {
		return err
	}
	return l.put(format.MetaBucket, format.VersionKey, []byte{format.SharedVersion})
}

func openBlocks(all []backend.Block) (open []backend.Block) {
	for _, b := range all {
		if b.State == backend.Open {
			open = append(open, b)
		}
	}
	return open
}
