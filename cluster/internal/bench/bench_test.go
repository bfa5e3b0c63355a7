package bench

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/etcd"
	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/measure"
	"github.com/leasehold/leasehold/internal/neighbour"
)

// A result is what a comparison has found, by unit.
type result map[string]float64

func (r result) report(b *testing.B) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // Of a whole comparison it says nothing.
	for unit, value := range r {
		b.ReportMetric(value, unit)
	}
}

// rounds returns n, or with -short a tenth of it.
func rounds(n int) int {
	if testing.Short() {
		return max(1, n/10)
	}
	return n
}

// A turn is what one peer has measured in a round, by unit.
type turn map[string]float64

// compare gives two peers turns and returns the medians of both, and the ratios of the second to the
// first, which has a name. The first rounds, warmUps, do not count.
func compare(tb testing.TB, warmUps, times int, name string, take func(peer int) turn) result {
	tb.Helper()
	var values [2]map[string][]float64
	for i := range values {
		values[i] = make(map[string][]float64)
	}
	for round := range warmUps + times {
		require.NoError(tb, measure.Turns(tb.Context(), round, len(values), func(i int) error {
			for unit, value := range take(i) {
				if round >= warmUps {
					values[i][unit] = append(values[i][unit], value)
				}
			}
			return nil
		}))
	}
	r := make(result)
	for unit, own := range values[1] {
		r[unit] = measure.Median(own)
		if of := values[0][unit]; of != nil {
			r[name+"-"+unit] = measure.Median(of)
			what, _, _ := strings.Cut(strings.TrimSuffix(unit, "-ns"), "/")
			r.ratio(what, own, of)
		}
	}
	return r
}

// ratio adds the ratios of values to others, round by round.
func (r result) ratio(what string, values, to []float64) {
	ratios := make([]float64, len(values))
	for i := range values {
		ratios[i] = values[i] / to[i]
	}
	s := measure.Summarize(ratios)
	r[what+"-ratio"], r[what+"-ratio-p10"], r[what+"-ratio-p90"] = s.Median, s.P10, s.P90
}

// programs is the directory with the plugin and leasehold-cluster, and with the plugin that asks the
// agent of the benchmarks, which listens at socket: it must not disturb another one of the machine.
var programs, socket string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "leasehold-bench-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	programs, socket = dir, filepath.Join(dir, "agent.sock")
	status := m.Run()
	os.RemoveAll(dir) // What is left is in the directory for temporary files.
	os.Exit(status)
}

// build builds the programs when they are first needed.
var build = sync.OnceValue(func() error {
	root, err := etcdtest.Root()
	if err != nil {
		return err
	}
	source := filepath.Join(root, "internal", "neighbour", "neighbour.go")
	text, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	changed := strings.Replace(string(text), fmt.Sprintf("%q", neighbour.DefaultSocket), fmt.Sprintf("%q", socket), 1)
	other, overlay := filepath.Join(programs, "neighbour.go"), filepath.Join(programs, "overlay.json")
	_, err = faulttest.Build(programs)
	return errors.Join(err,
		os.WriteFile(other, []byte(changed), 0o600),
		os.WriteFile(overlay, fmt.Appendf(nil, `{"Replace": {%q: %q}}`, source, other), 0o600),
		goBuild(root, "./cmd/host-local", "with-agent", "-overlay", overlay),
		goBuild(filepath.Join(root, "cluster"), "./cmd/leasehold-cluster", "leasehold-cluster"))
})

// goBuild builds a program with the flags of [faulttest.Build].
func goBuild(dir, pkg, name string, flags ...string) error {
	flags = append(flags, "-ldflags", "-s -w", "-o", filepath.Join(programs, name), pkg)
	cmd := exec.Command("go", append([]string{"-C", dir, "build"}, flags...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return nil
}

// prefix is the beginning of all keys.
const prefix = "/leasehold"

// startEtcd starts the servers of a benchmark, which sync what they write and have the time limits of
// etcd.
func startEtcd(tb testing.TB) []*etcdtest.Server {
	tb.Helper()
	return etcdtest.StartAll(tb, 3, "--unsafe-no-fsync=false", "--heartbeat-interval", "100", "--election-timeout", "1000")
}

// newEngine returns a connection to the servers.
func newEngine(tb testing.TB, servers []*etcdtest.Server) *etcd.Engine {
	tb.Helper()
	e := etcd.New(etcd.Config{Endpoints: endpoints(servers)})
	tb.Cleanup(func() { e.Close() }) // What it was asked for is done.
	return e
}

func endpoints(servers []*etcdtest.Server) (urls []string) {
	for _, s := range servers {
		urls = append(urls, s.Endpoint)
	}
	return urls
}

// initSpace makes a space, unless there is one.
func initSpace(tb testing.TB, e *etcd.Engine, space string, blockSize uint64, ranges string) {
	tb.Helper()
	c := cluster.Config{Block4: blockSize, Ranges: []string{ranges}}
	if err := cluster.NewAdmin(e, prefix).Init(tb.Context(), space, c); !errors.Is(err, cluster.ErrExists) {
		require.NoError(tb, err)
	}
}

// Every comparison works, with the smallest numbers.
func TestComparisons(t *testing.T) {
	servers := etcdtest.StartAll(t, 3)
	for name, r := range map[string]result{
		"in hand":           inHand(t, 2, 20, 4),
		"claims":            claims(t, servers, 2, 3, 2),
		"ADD by the helper": mustClaim(t, servers, 2, false),
		"ADD by the agent":  mustClaim(t, servers, 2, true),
		"many hosts":        manyHosts(t, servers, 1, small),
		"leader":            leaderKilled(t, servers, 1, 3),
	} {
		require.NotEmpty(t, r, name)
		for unit, value := range r {
			require.Greater(t, value, 0.0, "%s: %s", name, unit)
			require.False(t, math.IsInf(value, 0), "%s: %s", name, unit)
		}
		t.Log(name, r)
	}
}
