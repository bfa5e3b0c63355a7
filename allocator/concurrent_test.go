package allocator_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend/memory"
)

// holders records which container holds which address, as the containers see it.
type holders struct {
	mu     sync.Mutex
	holder map[netip.Addr]string
}

func (r *holders) enter(t *testing.T, id string, got []allocator.Assignment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, as := range got {
		other, taken := r.holder[as.Addr.Addr()]
		assert.Falsef(t, taken, "%s is leased to %s and to %s", as.Addr, other, id)
		r.holder[as.Addr.Addr()] = id
	}
}

func (r *holders) leave(got []allocator.Assignment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, as := range got {
		delete(r.holder, as.Addr.Addr())
	}
}

func TestConcurrentContainersShareNoAddress(t *testing.T) {
	store := memory.New()
	pool := newPool(t, newSet(t, subnet(t, "10.0.0.0/27")), newSet(t, subnet(t, "fd00::/123")))
	a := allocator.New(store, pool, allocator.Options{})
	holders := holders{holder: make(map[netip.Addr]string)}

	var all sync.WaitGroup
	for worker := range 16 {
		all.Go(func() {
			for i := range 50 {
				id := fmt.Sprintf("%d-%d", worker, i)
				got, err := a.Allocate(t.Context(), allocator.Request{Owner: eth0(id)})
				assert.NoError(t, err)
				holders.enter(t, id, got)
				runtime.Gosched()
				// First, because once the address is released another container may get it.
				holders.leave(got)
				_, err = allocator.Release(t.Context(), store, eth0(id))
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
	require.Len(t, contents(t, store), 2, "cursors and boot, no lease")
}

func TestConcurrentContainersDrainThePool(t *testing.T) {
	a := allocator.New(memory.New(), newPool(t, newSet(t, subnet(t, "10.0.0.0/27"))), allocator.Options{})
	var all sync.WaitGroup
	var served atomic.Int32
	for i := range 100 {
		all.Go(func() {
			_, err := a.Allocate(t.Context(), allocator.Request{Owner: eth0(fmt.Sprint(i))})
			if err == nil {
				served.Add(1)
				return
			}
			var e *allocator.ExhaustedError
			assert.ErrorAs(t, err, &e)
		})
	}
	all.Wait()
	require.EqualValues(t, 29, served.Load())
}
