package allocator_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/memory"
)

// A pods leases addresses to pods, by their names.
type pods struct {
	*testing.T
	store backend.Store
	pool  allocator.Pool
	allocator.Options
	containers int
	running    map[string]backend.Owner // by pod and interface
}

func newPods(t *testing.T, prefixes ...string) *pods {
	var sets []allocator.Set
	for _, p := range prefixes {
		sets = append(sets, newSet(t, subnet(t, p)))
	}
	return &pods{
		T: t, store: memory.New(), pool: newPool(t, sets...), running: make(map[string]backend.Owner),
		Options: allocator.Options{History: allocator.History{Keep: 1000}, Prefer: allocator.PreferPod},
	}
}

func podNamed(name string) backend.Pod { return backend.Pod{Namespace: "shop", Name: name} }

// add leases addresses to a new container of the pod.
func (p *pods) add(pod, ifName string, requested ...string) ([]string, error) {
	p.containers++
	owner := backend.Owner{ContainerID: fmt.Sprint("c", p.containers), IfName: ifName}
	got, err := allocator.New(p.store, p.pool, p.Options).Allocate(context.Background(), allocator.Request{
		Owner: owner, Pod: podNamed(pod), Addrs: addrs(requested...),
	})
	if err != nil {
		return nil, err
	}
	p.running[pod+ifName] = owner
	var texts []string
	for _, as := range got {
		texts = append(texts, as.Addr.Addr().String())
	}
	return texts, nil
}

func (p *pods) mustAdd(pod string, requested ...string) []string {
	p.Helper()
	texts, err := p.add(pod, "eth0", requested...)
	require.NoError(p, err)
	return texts
}

func (p *pods) del(pod, ifName string) {
	p.Helper()
	_, err := allocator.Release(context.Background(), p.store, p.running[pod+ifName])
	require.NoError(p, err)
	delete(p.running, pod+ifName)
}

func TestPodGetsTheAddressThatItHadLast(t *testing.T) {
	for name, store := range map[string]backend.Store{
		"memory": memory.New(), "bolt": bolt.Open(filepath.Join(t.TempDir(), "net")),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPods(t, "10.0.0.0/24", "fd00::/120")
			p.store = store
			first := p.mustAdd("web-0")
			require.Equal(t, []string{"10.0.0.2", "fd00::2"}, first)
			p.mustAdd("web-1")
			p.del("web-0", "eth0")
			require.Equal(t, []string{"10.0.0.4", "fd00::4"}, p.mustAdd("web-2"))
			require.Equal(t, first, p.mustAdd("web-0"))
			require.Equal(t, []string{"10.0.0.5", "fd00::5"}, p.mustAdd("web-3"), "the cursor has not gone back")

			p.del("web-0", "eth0")
			require.Equal(t, []string{"10.0.0.9", "fd00::9"}, p.mustAdd("web-0", "10.0.0.9", "fd00::9"), "what is requested comes first")
			p.del("web-0", "eth0")
			require.Equal(t, []string{"10.0.0.9", "fd00::9"}, p.mustAdd("web-0"))

			p.del("web-0", "eth0")
			require.Equal(t, "10.0.0.9", p.mustAdd("thief", "10.0.0.9")[0])
			require.Equal(t, []string{"10.0.0.2", "fd00::9"}, p.mustAdd("web-0"), "in each range set the last one that is free")
			require.NoError(t, store.Close())
		})
	}
}

func TestInterfacesOfAPodDoNotTakeEachOthersAddresses(t *testing.T) {
	p := newPods(t, "10.0.0.0/24")
	for _, ifName := range []string{"net1", "net2"} {
		_, err := p.add("web-0", ifName)
		require.NoError(t, err)
	}
	p.del("web-0", "net1")
	p.del("web-0", "net2")
	for ifName, want := range map[string]string{"net2": "10.0.0.3", "net1": "10.0.0.2", "net3": "10.0.0.4"} {
		got, err := p.add("web-0", ifName)
		require.NoError(t, err)
		require.Equal(t, []string{want}, got)
	}
}

func TestWithoutPreferenceOrPodTheNextAddressIsLeased(t *testing.T) {
	p := newPods(t, "10.0.0.0/24")
	p.mustAdd("web-0")
	p.del("web-0", "eth0")
	p.Prefer = allocator.PreferNext
	require.Equal(t, []string{"10.0.0.3"}, p.mustAdd("web-0"))
	p.del("web-0", "eth0")
	p.Prefer = allocator.PreferPod
	require.Equal(t, []string{"10.0.0.3"}, p.mustAdd("web-0"), "what ended before it was turned on is known")
	for _, want := range []string{"10.0.0.4", "10.0.0.5"} {
		got, err := allocator.New(p.store, p.pool, p.Options).Allocate(context.Background(), allocator.Request{Owner: eth0("no pod" + want)})
		require.NoError(t, err)
		require.Equal(t, want, got[0].Addr.Addr().String())
		_, err = allocator.Release(context.Background(), p.store, eth0("no pod"+want))
		require.NoError(t, err)
	}
}

// An address that the pod left outside the ranges, or that was excluded since, is not leased.
func TestPreferredAddressHasToBeInTheRanges(t *testing.T) {
	p := newPods(t, "10.0.0.0/24")
	p.mustAdd("web-0", "10.0.0.9")
	p.del("web-0", "eth0")
	without, err := allocator.NewRange(allocator.RangeSpec{
		Subnet: netip.MustParsePrefix("10.0.0.0/24"), Exclude: []allocator.Span{{First: addr("10.0.0.9"), Last: addr("10.0.0.9")}},
	})
	require.NoError(t, err)
	p.pool = newPool(t, newSet(t, without))
	require.Equal(t, []string{"10.0.0.10"}, p.mustAdd("web-0"))
}

func TestCoolingAddressGoesBackToItsPod(t *testing.T) {
	p := newPods(t, "10.0.0.0/24")
	p.Cooldown.ReuseAfter = time.Hour
	first := p.mustAdd("web-0")
	p.del("web-0", "eth0")
	require.Equal(t, first, p.mustAdd("web-0"))
	p.del("web-0", "eth0")

	require.Equal(t, first, p.mustAdd("web-1", first...))
	p.del("web-1", "eth0")
	require.NotEqual(t, first, p.mustAdd("web-0"), "another pod has released it meanwhile")
	p.del("web-0", "eth0")

	p.Cooldown.Strict = true
	last := p.mustAdd("web-1")
	require.NotEqual(t, first, last, "nor does its own pod get it before its time")
	p.del("web-1", "eth0")
	p.Now = func() time.Time { return time.Now().Add(time.Hour) }
	require.Equal(t, last, p.mustAdd("web-1"))
}

// What is older than the history need not be known any more, even if it is.
func TestExpiredHistoryIsNoPreference(t *testing.T) {
	p := newPods(t, "10.0.0.0/24")
	p.History.For = time.Hour
	p.mustAdd("web-0")
	p.del("web-0", "eth0")
	p.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	require.Equal(t, []string{"10.0.0.3"}, p.mustAdd("web-0"))
}

// A preference costs no other pod its address: whatever the order, a pool is exhausted exactly when
// all its addresses are leased, and a pod gets the last address it had unless that is leased.
func TestPreferencesAgainstAMap(t *testing.T) {
	const addresses, names = 5, 9
	random := rand.New(rand.NewPCG(18, 3))
	for range 60 {
		p := newPods(t, "10.0.0.0/29")
		held, last := map[string]string{}, map[string][]string{}
		for range 200 {
			pod := fmt.Sprint("web-", random.IntN(names))
			if _, ok := held[pod]; ok {
				p.del(pod, "eth0")
				last[pod] = append(last[pod], held[pod])
				delete(held, pod)
				continue
			}
			got, err := p.add(pod, "eth0")
			if len(held) == addresses {
				require.ErrorAs(t, err, new(*allocator.ExhaustedError))
				continue
			}
			require.NoError(t, err)
			taken := map[string]bool{}
			for _, a := range held {
				taken[a] = true
			}
			require.False(t, taken[got[0]])
			for i := len(last[pod]) - 1; i >= 0; i-- {
				if a := last[pod][i]; !taken[a] {
					require.Equal(t, a, got[0])
					break
				}
			}
			held[pod] = got[0]
		}
	}
}
