package main

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/stores"
)

func (t *tool) metricsCommand() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use:   "metrics [NETWORK…]",
		Short: "Write metrics in the text format of Prometheus",
		Long: `Write metrics of networks in the text format of Prometheus, for a collector of
text files such as the one in node_exporter:

  leasehold_addresses{network,set,ranges,state}  leased, cooling, free,
                                                 not_held, excluded: as in usage
  leasehold_leases{network}                      inside or outside the ranges
  leasehold_leases_before_boot{network}          dated before this boot
  leasehold_leases_torn{network}                 without a readable owner
  leasehold_lease_age_seconds{network}           a histogram of leases
  leasehold_leases_made_total{network}           since the store was made; bolt
  leasehold_leases_ended_total{network,reason}   likewise; DEL, GC, boot,
                                                 release, undone, unknown
  leasehold_addresses_until_full_seconds{network,set,ranges}
                                                 only with a forecast
  leasehold_oldest_lease_timestamp_seconds{network}
  leasehold_store_info{network,store}            1; store is files or bolt
  leasehold_store_bytes{network}                 disk space of the store
  leasehold_up{network}                          0 if the store cannot be read,
                                                 or was replaced`,
		Example:     "  leasehold metrics --to /var/lib/prometheus/node-exporter/leasehold.prom",
		Annotations: map[string]string{fixedFormat: "in the text format of Prometheus"},
		RunE: func(cmd *cobra.Command, names []string) error {
			networks, err := t.networks(names)
			if err != nil {
				return err
			}
			return t.metrics(cmd, networks, to)
		},
	}
	c.Flags().StringVar(&to, "to", "", "file to replace atomically, instead of standard output")
	return c
}

// metrics writes the metrics of all networks, even if one of the stores cannot be read.
func (t *tool) metrics(cmd *cobra.Command, networks []network, to string) error {
	m := newMetricSet()
	var failed error
	for _, n := range oneOfEachName(networks) {
		only, err := t.findNetwork(n.name, networks) // There are no metrics of two networks with one name.
		if err == nil {
			err = t.inNetwork(only, t.measure(cmd, only, m))
		}
		failed = errors.Join(failed, err)
		up := 1.0
		if err != nil {
			up = 0
		}
		m.up.WithLabelValues(n.name).Set(up)
	}
	if to == "" {
		return errors.Join(m.write(t.out), failed)
	}
	return errors.Join(replaceFile(to, "# HELP ", m.write), failed)
}

// oneOfEachName returns the networks without those that have the name of one before.
func oneOfEachName(networks []network) (names []network) {
	for _, n := range networks {
		if !slices.ContainsFunc(names, func(other network) bool { return other.name == n.name }) {
			names = append(names, n)
		}
	}
	return names
}

// A metricSet is the metrics of all networks.
type metricSet struct {
	registry                      *prometheus.Registry
	addresses, leases, before     *prometheus.GaugeVec
	torn, oldest, info, bytes, up *prometheus.GaugeVec
	untilFull                     *prometheus.GaugeVec
	made, ended                   *prometheus.CounterVec
	age                           *prometheus.HistogramVec
}

func newMetricSet() *metricSet {
	m := &metricSet{registry: prometheus.NewRegistry()}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "leasehold_" + name, Help: help}, append([]string{"network"}, labels...))
		m.registry.MustRegister(g) // It panics only for a duplicate name, which every test would show.
		return g
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "leasehold_" + name, Help: help}, append([]string{"network"}, labels...))
		m.registry.MustRegister(c) // as above
		return c
	}
	m.addresses = gauge("addresses", "Addresses of a range set by state: leased, cooling, free, not_held, excluded.", "set", "ranges", "state")
	m.leases = gauge("leases", "Leases, inside or outside the ranges.")
	m.before = gauge("leases_before_boot", "Leases dated before this machine started, whose containers are gone unless a clock was wrong.")
	m.torn = gauge("leases_torn", "Leases without a readable owner.")
	m.oldest = gauge("oldest_lease_timestamp_seconds", "When the oldest lease was made; absent if there is none.")
	m.info = gauge("store_info", "The kind of store: files or bolt.", "store")
	m.bytes = gauge("store_bytes", "Disk space that the store takes.")
	m.untilFull = gauge("addresses_until_full_seconds", "How long until a range set is full at the rate of late; only with a forecast.", "set", "ranges")
	m.made = counter("leases_made_total", "Leases made since the store was made.")
	m.ended = counter("leases_ended_total", "Leases that have ended since the store was made, by what ended them.", "reason")
	m.age = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "leasehold_lease_age_seconds", Help: "How long ago the leases were made that are held now.", Buckets: ageBuckets(),
	}, []string{"network"})
	m.registry.MustRegister(m.age)
	m.up = gauge("up", "Whether the store can be read, and was not replaced.")
	return m
}

func (t *tool) measure(cmd *cobra.Command, n network, m *metricSet) error {
	kind, err := n.kind()
	if err == nil {
		err = n.replaced()
	}
	if err != nil {
		return err
	}
	f := fullness{Network: n.name}
	leases, err := t.allLeases(cmd, n)
	if err != nil {
		return err
	}
	f.addLeases(n, leases, t.now(), boot.Current())
	usages, err := t.usageOf(cmd, n)
	if err != nil {
		return err
	}
	rows, forecastErr := t.usageRows(cmd, n, usages, func() ([]backend.Lease, error) { return leases, nil })
	for _, r := range rows {
		if r.FullIn != nil {
			m.untilFull.WithLabelValues(n.name, strconv.Itoa(r.Set), r.Ranges).Set(float64(*r.FullIn))
		}
		for state, value := range map[string]uint64{"leased": r.Leased, "cooling": r.Cooling, "free": r.Free, "not_held": r.NotHeld, "excluded": r.Excluded} {
			m.addresses.WithLabelValues(n.name, strconv.Itoa(r.Set), r.Ranges, state).Set(float64(value))
		}
	}
	m.leases.WithLabelValues(n.name).Set(float64(f.Leases))
	m.before.WithLabelValues(n.name).Set(float64(f.BeforeBoot))
	m.torn.WithLabelValues(n.name).Set(float64(f.Torn))
	m.observeAges(n, leases, t.now())
	failed := errors.Join(forecastErr, t.countLeases(cmd, n, m)) // All else is known.
	if oldest := oldestOf(leases); oldest > 0 {
		m.oldest.WithLabelValues(n.name).Set(float64(oldest))
	}
	if kind == stores.None {
		return failed
	}
	size, err := diskSpace(n.path)
	m.info.WithLabelValues(n.name, kind).Set(1)
	m.bytes.WithLabelValues(n.name).Set(float64(size))
	return errors.Join(failed, err)
}

// ageBuckets returns the limits of the histogram of ages, in seconds: from a minute to a month.
func ageBuckets() []float64 {
	const minute, hour, day = 60, 3600, 86400
	return []float64{minute, 10 * minute, hour, 6 * hour, day, 7 * day, 30 * day}
}

// observeAges counts the leases by age. It leaves out those whose time is not known; the time of a clock
// that was set back is now.
func (m *metricSet) observeAges(n network, leases []backend.Lease, now time.Time) {
	of := m.age.WithLabelValues(n.name)
	for _, l := range leases {
		if !l.Since.IsZero() {
			of.Observe(max(now.Sub(l.Since), 0).Seconds())
		}
	}
}

// countLeases reads how many leases the store of a network has made and ended, if it counts them.
func (t *tool) countLeases(cmd *cobra.Command, n network, m *metricSet) error {
	ctx, cancel := t.lockContext(cmd)
	defer cancel()
	return t.glance(n).View(ctx, func(tx backend.ReadTx) error {
		store, ok := tx.(backend.HistoryReadTx)
		if !ok {
			return nil
		}
		c, err := store.Counts()
		if err != nil {
			return err
		}
		m.made.WithLabelValues(n.name).Add(float64(c.Made))
		m.ended.WithLabelValues(n.name, "undone").Add(float64(c.Undone))
		for _, cause := range backend.Causes() {
			m.ended.WithLabelValues(n.name, cause.String()).Add(float64(c.Ended[cause]))
		}
		return nil
	})
}

// oldestOf returns the time of the oldest lease in Unix seconds, or 0 if none has a time.
func oldestOf(leases []backend.Lease) (oldest int64) {
	for _, l := range leases {
		if at := l.Since.Unix(); !l.Since.IsZero() && (oldest == 0 || at < oldest) {
			oldest = at
		}
	}
	return oldest
}

// write writes all metrics in the text format, version 0.0.4: node_exporter reads no other.
func (m *metricSet) write(w io.Writer) error {
	families, err := m.registry.Gather()
	if err != nil {
		return err
	}
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(w, f); err != nil {
			return err
		}
	}
	return nil
}

// diskSpace returns the disk space of a store in bytes. Its path can be a link.
func diskSpace(path string) (total int64, err error) {
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return 0, err
	}
	err = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // released just now
		}
		if err == nil {
			total += diskBytes(info)
		}
		return err
	})
	return total, err
}
