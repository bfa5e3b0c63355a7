package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
)

// A measured is a network with a store that the tool reports metrics of.
type measured struct {
	*testing.T
	dir   string
	store *bolt.Store
}

func newMeasured(t *testing.T) *measured {
	needsDefaultDataDir(t)
	dir := t.TempDir()
	conf := fmt.Sprintf(`{"cniVersion": "1.1.0", "name": "net", "type": "bridge", "ipam": {"type": "host-local", "dataDir": %q, "backend": "bolt", "subnet": "10.0.0.0/24"}}`, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "net.conf"), []byte(conf), 0o600))
	return &measured{t, dir, bolt.Open(filepath.Join(dir, "net"))}
}

// leak leases addresses to containers that began at these times.
func (m *measured) leak(since ...time.Time) {
	m.Helper()
	require.NoError(m, m.store.Update(context.Background(), func(tx backend.Tx) error {
		next := netip.MustParseAddr("10.0.0.2")
		for i, at := range since {
			if err := tx.Put(backend.Lease{Addr: next, Owner: backend.Owner{ContainerID: fmt.Sprint("c", i)}, Since: at}); err != nil {
				return err
			}
			next = next.Next()
		}
		h := tx.(backend.HistoryTx)
		return errors.Join(h.SetPolicy("keep=2"), h.Count(backend.Counts{Made: uint64(len(since))}))
	}))
}

// run runs the tool and returns its output.
func (m *measured) run(args ...string) []byte {
	m.Helper()
	var out bytes.Buffer
	t := newTool()
	t.out = &out
	require.Zero(m, t.run(context.Background(), append([]string{"--data-dir", m.dir, "--conf", filepath.Join(m.dir, "net.conf")}, args...)))
	return out.Bytes()
}

func (m *measured) metrics() map[string]*dto.MetricFamily {
	m.Helper()
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(bytes.NewReader(m.run("metrics")))
	require.NoError(m, err)
	return families
}

// total returns the sum of a counter over its labels.
func (m *measured) total(name string) (n float64) {
	m.Helper()
	f := m.metrics()[name]
	require.NotNil(m, f, name)
	require.Equal(m, dto.MetricType_COUNTER, f.GetType(), name)
	for _, one := range f.Metric {
		n += one.Counter.GetValue()
	}
	return n
}

func oldAndNew() (since []time.Time) {
	for i := range 160 {
		at := time.Now().Add(-40 * time.Hour)
		if i >= 100 {
			at = time.Now().Add(-time.Duration(i-100) * time.Minute)
		}
		since = append(since, at)
	}
	return since
}

// The conventions of Prometheus for names, units and help are kept, and the help of the command names
// every metric.
func TestMetricsKeepTheConventions(t *testing.T) {
	m := newMeasured(t)
	m.leak(oldAndNew()...)
	text := m.run("metrics")
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
	help := newTool().metricsCommand().Long
	names := m.metrics()
	for name := range names {
		require.Contains(t, help, "  "+name+"{", name)
	}
	require.Equal(t, strings.Count(help, "  leasehold_"), len(names), "the help names others")
}

func TestMetricsHaveAForecastAndAges(t *testing.T) {
	m := newMeasured(t)
	m.leak(oldAndNew()...)
	all := m.metrics()
	in := all["leasehold_addresses_until_full_seconds"].Metric[0].Gauge.GetValue()
	require.InDelta(t, 93*60, in, 5*60)
	age := all["leasehold_lease_age_seconds"].Metric[0].Histogram
	require.EqualValues(t, 160, age.GetSampleCount())
	require.Equal(t, float64(3600), age.Bucket[2].GetUpperBound())
	require.InDelta(t, 60, age.Bucket[2].GetCumulativeCount(), 1)
	require.Contains(t, string(m.run("why-full", "net")), "    full in about 90 min at the rate of the last hour\n")
	require.Regexp(t, `"fullIn": 5[0-9]{3},\s*"fullInWindow": 3600`, string(m.run("usage", "-o", "json")))
}

// What a command counts that runs once a minute never becomes less, whatever is dropped from the history.
func TestCountersNeverDecrease(t *testing.T) {
	m, ctx := newMeasured(t), context.Background()
	r, err := allocator.NewRange(allocator.RangeSpec{Subnet: netip.MustParsePrefix("10.0.0.0/24")})
	require.NoError(t, err)
	set, err := allocator.NewSet(r)
	require.NoError(t, err)
	pool, err := allocator.NewPool(set)
	require.NoError(t, err)
	a := allocator.New(m.store, pool, allocator.Options{History: allocator.History{Keep: 2}})
	for i := range 10 {
		owner := backend.Owner{ContainerID: fmt.Sprint("c", i), IfName: "eth0"}
		_, err := a.Allocate(ctx, allocator.Request{Owner: owner})
		require.NoError(t, err)
		require.EqualValues(t, i+1, m.total("leasehold_leases_made_total"))
		require.EqualValues(t, i, m.total("leasehold_leases_ended_total"))
		_, err = allocator.Release(ctx, m.store, owner)
		require.NoError(t, err)
		require.EqualValues(t, i+1, m.total("leasehold_leases_ended_total"))
	}
	_, err = allocator.ForgetAll(ctx, m.store)
	require.NoError(t, err)
	require.EqualValues(t, 10, m.total("leasehold_leases_ended_total"))
}
