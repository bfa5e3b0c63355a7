package faulttest

import (
	"context"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/stores"
)

// A Memory is what a bolt store remembers of leases that have ended.
type Memory struct {
	Ended   map[string]int // how many leases of each container have ended
	Cooling []netip.Addr
}

// Memory returns the memory of the store, or nil if the store is of a kind without one.
func (n Network) Memory(ctx context.Context) (m *Memory, err error) {
	err = stores.Follow(n.Path()).View(ctx, func(tx backend.ReadTx) error {
		m, err = memoryOf(tx)
		return err
	})
	return m, err
}

func memoryOf(tx backend.ReadTx) (*Memory, error) {
	store, ok := tx.(interface {
		backend.HistoryReadTx
		backend.CoolingReadTx
	})
	if !ok {
		return nil, nil
	}
	m := &Memory{Ended: make(map[string]int)}
	for e, err := range store.History() {
		if err != nil {
			return nil, err
		}
		m.Ended[e.Owner.ContainerID]++
	}
	for c, err := range store.CoolingFrom(netip.Addr{}) {
		if err != nil {
			return nil, err
		}
		m.Cooling = append(m.Cooling, c.Addr)
	}
	return m, nil
}
