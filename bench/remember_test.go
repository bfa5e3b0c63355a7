//go:build unix

package bench

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
)

// podOf returns the nth pod of a node.
func podOf(n int) backend.Pod {
	return backend.Pod{Namespace: "kube-system", Name: fmt.Sprintf("coredns-%010x-x%04x", n, n&0xffff)}
}

// past returns the content of a store with n leases, and as many that ended, all of pods, in the last
// day and the day before it.
func past(n int) backend.Content {
	c := content(n)
	held := c.Leases
	now := time.Now().Truncate(time.Second).UTC()
	c.Leases = func(yield func(backend.Lease, error) bool) {
		i := 0
		for l, err := range held {
			l.Pod, l.Since = podOf(i), now.Add(-24*time.Hour).Add(time.Duration(i)*24*time.Hour/time.Duration(n))
			if i++; !yield(l, err) {
				return
			}
		}
	}
	c.History = func(yield func(backend.Ended, error) bool) {
		i := 0
		for l, err := range held {
			l.Netns, l.Boot, l.Pod = "", "", podOf(n+i)
			l.Since = now.Add(-48 * time.Hour).Add(time.Duration(i) * 12 * time.Hour / time.Duration(n))
			e := backend.Ended{Lease: l, Until: l.Since.Add(23 * time.Hour), Cause: backend.EndedByDEL}
			if i++; !yield(e, err) {
				return
			}
		}
	}
	c.Policy = fmt.Sprintf("keep=%d", n)
	return c
}

// BenchmarkWhoAt asks who held an address that was leased at a time, and one of which nothing is known,
// with as many ended leases as held ones, in turn with a store of one lease. An operation is a process of the tool for each. It reports the median time, the median
// processor time, and the ratio of the times to the store of one lease, pair by pair.
func BenchmarkWhoAt(b *testing.B) {
	tool := filepath.Join(b.TempDir(), "leasehold")
	out, err := exec.CommandContext(b.Context(), "go", "build", "-o", tool, "../cmd/leasehold").CombinedOutput()
	require.NoError(b, err, "%s", out)
	for _, c := range []struct {
		n     int
		known bool
	}{{10_000, true}, {10_000, false}, {1_000_000, true}, {1_000_000, false}} {
		b.Run(fmt.Sprintf("leases=%d/known=%t", c.n, c.known), func(b *testing.B) {
			one, many := newAsked(b, tool, 1, c.known), newAsked(b, tool, c.n, c.known)
			b.ResetTimer()
			for i := range b.N {
				one.ask(b, i)
				many.ask(b, i)
			}
			b.ReportMetric(ratio(many.wall, one.wall), "wall/one")
			b.ReportMetric(ms(median(many.wall)), "ms-median")
			b.ReportMetric(ms(median(many.cpu)), "ms-cpu-median")
			b.ReportMetric(ms(median(one.cpu)), "ms-cpu-median-one")
		})
	}
}

// An asked is a store of n leases that the tool is asked about.
type asked struct {
	tool, dir string
	n         int
	known     bool
	wall, cpu []time.Duration
}

func newAsked(b *testing.B, tool string, n int, known bool) *asked {
	dir := b.TempDir()
	require.NoError(b, bolt.Create(filepath.Join(dir, "net"), past(n)))
	return &asked{tool: tool, dir: dir, n: n, known: known}
}

func (a *asked) ask(b *testing.B, i int) {
	addr, says := addrOf(i*7919%a.n), "coredns"
	if !a.known {
		addr, says = addrOf(a.n+i%9), "not known"
	}
	cmd := exec.CommandContext(b.Context(), a.tool, "--data-dir", a.dir, "who", addr.String(), "--at", "30h")
	before := time.Now()
	out, err := cmd.CombinedOutput()
	a.wall = append(a.wall, time.Since(before))
	require.Equal(b, a.known, err == nil, "%s", out)
	require.Contains(b, string(out), says)
	a.cpu = append(a.cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
}

// addrOf returns the address of the nth lease of content.
func addrOf(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte((n + 1) >> 16), byte((n + 1) >> 8), byte(n + 1)})
}

// A remembering is one way to remember, and what ADDs and DELs cost with it.
type remembering struct {
	name  string
	opts  allocator.Options
	store *bolt.Store
	a     *allocator.Allocator
	wall  [2][]time.Duration // of ADDs and of DELs
	cpu   [2]time.Duration
}

// BenchmarkRemember leases an address and releases it, in stores that remember nothing, the history,
// what cools and what pods had, in turn. It reports the time of each beside the first: the median of the
// wall-clock ratios, and the processor time.
func BenchmarkRemember(b *testing.B) {
	for _, n := range []int{0, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("leases=%d", n), func(b *testing.B) {
			history, cool := allocator.History{Keep: max(n, 1000)}, allocator.Cooldown{ReuseAfter: 30 * time.Second}
			ways := []*remembering{
				{name: "nothing"},
				{name: "nothing-again"},
				{name: "history", opts: allocator.Options{History: history}},
				{name: "reuseAfter", opts: allocator.Options{Cooldown: cool}},
				{name: "both", opts: allocator.Options{History: history, Cooldown: cool}},
				{name: "prefer", opts: allocator.Options{History: history, Prefer: allocator.PreferPod}},
			}
			for i, w := range ways {
				c := past(n)
				if w.opts.History.Keep == 0 {
					c.History = nil
				}
				path := filepath.Join(b.TempDir(), fmt.Sprint("net", i))
				require.NoError(b, bolt.Create(path, c))
				w.store = bolt.Open(path)
				w.a = allocator.New(w.store, pool(b), w.opts)
				w.turn(b, -1) // It sets the policy, and makes the index.
				w.wall, w.cpu = [2][]time.Duration{}, [2]time.Duration{}
			}
			b.ResetTimer()
			for i := range b.N {
				for _, w := range ways {
					w.turn(b, i)
				}
			}
			b.StopTimer()
			for _, w := range ways[1:] {
				for k, command := range []string{"ADD", "DEL"} {
					b.ReportMetric(ratio(w.wall[k], ways[0].wall[k]), command+"-"+w.name)
					b.ReportMetric(float64(w.cpu[k])/float64(ways[0].cpu[k]), "cpu-"+command+"-"+w.name)
				}
			}
		})
	}
}

func (w *remembering) turn(b *testing.B, i int) {
	ctx := context.Background()
	owner := backend.Owner{ContainerID: fmt.Sprintf("%056x%08x", uint64(i)*2654435761, i), IfName: "eth0"}
	w.measure(0, func() {
		_, err := w.a.Allocate(ctx, allocator.Request{Owner: owner, Pod: podOf(i)})
		require.NoError(b, err)
	})
	w.measure(1, func() {
		_, err := allocator.Release(ctx, w.store, owner)
		require.NoError(b, err)
	})
}

func (w *remembering) measure(k int, op func()) {
	cpu, before := processorTime(), time.Now()
	op()
	w.wall[k] = append(w.wall[k], time.Since(before))
	w.cpu[k] += processorTime() - cpu
}

// processorTime returns the processor time of this process so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // It fails only for another argument.
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ratio returns the median of the ratios, pair by pair.
func ratio(a, b []time.Duration) float64 {
	var all []float64
	for i := range a {
		all = append(all, float64(a[i])/float64(b[i]))
	}
	slices.Sort(all)
	return all[len(all)/2]
}
