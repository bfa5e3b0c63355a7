package bolt

import (
	"cmp"
	"encoding/binary"
	"maps"
	"net/netip"
	"os"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

// Create makes a store at path, where nothing may stand, that holds what c holds.
// When it returns nil all of it is durable, the name of the store included; after an
// error nothing stands at path.
//
// Nobody else may use the path meanwhile. If the process is killed, what stands at
// path may be no store: the caller removes it.
func Create(path string, c backend.Content) error {
	c, err := storekit.CheckContent(c)
	if err != nil {
		return err
	}
	f, err := openFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	l := &loader{bulk: newBulk(path, f), boots: map[string]uint64{}}
	defer l.drop() // for a panic of c; otherwise there is nothing left to drop
	if err := l.load(c); err != nil {
		return and(err, l.drop())
	}
	return nil
}

// A loader turns what a store is to hold into items of its buckets. The entries of the
// owners index are sorted before any is written: container IDs come in no order.
type loader struct {
	*bulk
	run    run // the last
	boots  map[string]uint64
	owners []holder
}

// A holder is an entry of the owners index: the hash of a container ID, and an
// address.
type holder struct {
	hash uint64
	addr netip.Addr
}

func (l *loader) load(c backend.Content) error {
	if err := l.begin(); err != nil {
		return err
	}
	for lease, err := range c.Leases {
		if err == nil {
			err = l.add(lease)
		}
		if err != nil {
			return err
		}
	}
	most, err := l.addIndices()
	if err != nil {
		return err
	}
	if err := l.addRest(c); err != nil {
		return err
	}
	return l.keep(most)
}

// add adds a lease, and to the indices what is known by now.
func (l *loader) add(lease backend.Lease) error {
	boot, err := l.numberOf(lease.Boot)
	if err != nil {
		return err
	}
	key := addrKey(lease.Addr)
	if err := l.put(leasesBucket, key, encode(lease, boot)); err != nil {
		return err
	}
	hash := binary.BigEndian.Uint64(ownerPrefix(lease.Owner.ContainerID))
	l.owners = append(l.owners, holder{hash, lease.Addr})
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
	return n, l.put(bootsBucket, bootNumber(n), []byte(boot))
}

// extendRun adds an address to the run if it follows that, and otherwise begins
// another one.
func (l *loader) extendRun(addr netip.Addr) error {
	if l.run.last.IsValid() && l.run.last.Next() == addr {
		l.run.last = addr
		return nil
	}
	ended := l.run
	l.run = run{addr, addr}
	return l.putRun(ended)
}

func (l *loader) putRun(r run) error {
	if !r.first.IsValid() {
		return nil
	}
	return l.put(runsBucket, addrKey(r.first), addrKey(r.last))
}

// addIndices adds what is left of the indices. It returns how many leases one
// container has at most.
func (l *loader) addIndices() (most int, err error) {
	if err := l.putRun(l.run); err != nil {
		return 0, err
	}
	slices.SortFunc(l.owners, func(a, b holder) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), a.addr.Compare(b.addr))
	})
	of := 0
	for i, o := range l.owners {
		if i == 0 || o.hash != l.owners[i-1].hash {
			of = 0
		}
		of++
		most = max(most, of)
		key := binary.BigEndian.AppendUint64(make([]byte, 0, hashLen+1+16), o.hash)
		if err := l.put(ownersBucket, appendAddr(key, o.addr), nil); err != nil {
			return 0, err
		}
	}
	return most, nil
}

func (l *loader) addRest(c backend.Content) error {
	for _, set := range slices.Sorted(maps.Keys(c.Cursors)) {
		if err := l.put(cursorsBucket, []byte(set), addrKey(c.Cursors[set])); err != nil {
			return err
		}
	}
	if c.Boot == "" {
		return nil
	}
	return l.put(metaBucket, bootKey, []byte(c.Boot))
}
