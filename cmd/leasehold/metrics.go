package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

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
		Short: "Write metrics in the OpenMetrics format",
		Long: `Write metrics of networks in the OpenMetrics format, for a collector of text
files such as the one in Prometheus' node_exporter:

  leasehold_addresses{network,set,ranges,state}  leased, free or excluded
  leasehold_leases{network}                      inside or outside the ranges
  leasehold_leases_before_boot{network}          dated before this boot
  leasehold_leases_torn{network}                 without a readable owner
  leasehold_oldest_lease_timestamp_seconds{network}
  leasehold_store_info{network,store}            1; store is files or bolt
  leasehold_store_bytes{network}                 disk space of the store
  leasehold_up{network}                          0 if the store cannot be read,
                                                 or was replaced`,
		Example:     "  leasehold metrics --to /var/lib/prometheus/node-exporter/leasehold.prom",
		Annotations: map[string]string{fixedFormat: "in the OpenMetrics format"},
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
	for _, n := range networks {
		err := t.measure(cmd, n, m)
		failed = errors.Join(failed, t.inNetwork(n, err))
		up := 1.0
		if err != nil {
			up = 0
		}
		m.up.WithLabelValues(n.name).Set(up)
	}
	if to == "" {
		return errors.Join(m.write(t.out), failed)
	}
	return errors.Join(replaceFile(to, m.write), failed)
}

// A metricSet is the metrics of all networks.
type metricSet struct {
	registry                      *prometheus.Registry
	addresses, leases, before     *prometheus.GaugeVec
	torn, oldest, info, bytes, up *prometheus.GaugeVec
}

func newMetricSet() *metricSet {
	m := &metricSet{registry: prometheus.NewRegistry()}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "leasehold_" + name, Help: help}, append([]string{"network"}, labels...))
		m.registry.MustRegister(g) // It panics only for a duplicate name, which every test would show.
		return g
	}
	m.addresses = gauge("addresses", "Addresses of a range set by state: leased, free, excluded.", "set", "ranges", "state")
	m.leases = gauge("leases", "Leases, inside or outside the ranges.")
	m.before = gauge("leases_before_boot", "Leases dated before this machine started, whose containers are gone unless a clock was wrong.")
	m.torn = gauge("leases_torn", "Leases without a readable owner.")
	m.oldest = gauge("oldest_lease_timestamp_seconds", "When the oldest lease was made; absent if there is none.")
	m.info = gauge("store_info", "The kind of store: files or bolt.", "store")
	m.bytes = gauge("store_bytes", "Disk space that the store takes.")
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
	for _, u := range usages {
		r := newUsageRow(n, u)
		for state, value := range map[string]uint64{"leased": r.Leased, "cooling": r.Cooling, "free": r.Free, "excluded": r.Excluded} {
			m.addresses.WithLabelValues(n.name, strconv.Itoa(r.Set), r.Ranges, state).Set(float64(value))
		}
	}
	m.leases.WithLabelValues(n.name).Set(float64(f.Leases))
	m.before.WithLabelValues(n.name).Set(float64(f.BeforeBoot))
	m.torn.WithLabelValues(n.name).Set(float64(f.Torn))
	if oldest := oldestOf(leases); oldest > 0 {
		m.oldest.WithLabelValues(n.name).Set(float64(oldest))
	}
	if kind == stores.None {
		return nil
	}
	size, err := diskSpace(n.path)
	m.info.WithLabelValues(n.name, kind).Set(1)
	m.bytes.WithLabelValues(n.name).Set(float64(size))
	return err
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

// write writes all metrics. node_exporter reads the older text format, in which gauges look
// the same.
func (m *metricSet) write(w io.Writer) error {
	families, err := m.registry.Gather()
	if err != nil {
		return err
	}
	e := expfmt.NewEncoder(w, expfmt.NewFormat(expfmt.TypeOpenMetrics))
	for _, f := range families {
		if err := e.Encode(f); err != nil {
			return err
		}
	}
	_, err = expfmt.FinalizeOpenMetrics(w)
	return err
}

// replaceFile replaces a file atomically: readers see either the old or the new content.
func replaceFile(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return &fs.PathError{Op: "replace", Path: name, Err: p.Err} // Without the temporary name, which would mean nothing to the operator.
	}
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// diskSpace returns the disk space of a store in bytes.
func diskSpace(path string) (total int64, err error) {
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
