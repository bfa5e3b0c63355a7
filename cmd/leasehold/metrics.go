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
files such as that of Prometheus' node_exporter:

  leasehold_addresses{network,set,ranges,state}  leased, free or excluded
  leasehold_leases{network}                      in whatever range
  leasehold_leases_before_boot{network}          dated before this boot
  leasehold_leases_torn{network}                 whose holder a crash has lost
  leasehold_oldest_lease_timestamp_seconds{network}
  leasehold_store_info{network,store}            1; store is files or bolt
  leasehold_store_bytes{network}                 disk space of the store
  leasehold_up{network}                          0 if the store cannot be read,
                                                 or was replaced`,
		Example:     "  leasehold metrics --to /var/lib/prometheus/node-exporter/leasehold.prom",
		Annotations: map[string]string{ownFormat: "in the OpenMetrics format"},
		RunE: func(cmd *cobra.Command, names []string) error {
			networks, err := t.networks(names)
			if err != nil {
				return err
			}
			return t.metrics(cmd, networks, to)
		},
	}
	c.Flags().StringVar(&to, "to", "", "file to replace, in one step, instead of standard output")
	return c
}

// metrics writes what is known of all networks, also if a store among them cannot be
// read.
func (t *tool) metrics(cmd *cobra.Command, networks []network, to string) error {
	m := newMeters()
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

// meters are what is measured.
type meters struct {
	registry                      *prometheus.Registry
	addresses, leases, before     *prometheus.GaugeVec
	torn, oldest, info, bytes, up *prometheus.GaugeVec
}

func newMeters() *meters {
	m := &meters{registry: prometheus.NewRegistry()}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "leasehold_" + name, Help: help}, append([]string{"network"}, labels...))
		m.registry.MustRegister(g) // It panics for two of one name, which a test would see.
		return g
	}
	m.addresses = gauge("addresses", "Addresses of a range set by state: leased, free, excluded.", "set", "ranges", "state")
	m.leases = gauge("leases", "Leases, in whatever range.")
	m.before = gauge("leases_before_boot", "Leases dated before this machine started, whose containers are gone unless a clock was wrong.")
	m.torn = gauge("leases_torn", "Leases whose holder was lost in a crash.")
	m.oldest = gauge("oldest_lease_timestamp_seconds", "When the oldest lease was made; absent if there is none.")
	m.info = gauge("store_info", "The kind of store: files or bolt.", "store")
	m.bytes = gauge("store_bytes", "Disk space that the store takes.")
	m.up = gauge("up", "Whether the store can be read, and was not replaced.")
	return m
}

func (t *tool) measure(cmd *cobra.Command, n network, m *meters) error {
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
	f.count(n, leases, t.now(), boot.Current())
	usages, err := t.usageOf(cmd, n)
	if err != nil {
		return err
	}
	for _, u := range usages {
		r := newUsageRow(n, u)
		for state, value := range map[string]uint64{"leased": r.Leased, "free": r.Free, "excluded": r.Excluded} {
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

// oldestOf returns when the oldest lease was made, in Unix seconds, or 0.
func oldestOf(leases []backend.Lease) (oldest int64) {
	for _, l := range leases {
		if at := l.Since.Unix(); !l.Since.IsZero() && (oldest == 0 || at < oldest) {
			oldest = at
		}
	}
	return oldest
}

// write writes all meters. What node_exporter reads is the older text format; gauges
// look the same in both.
func (m *meters) write(w io.Writer) error {
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

// replaceFile writes a file that readers see as it was before or whole.
func replaceFile(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return &fs.PathError{Op: "replace", Path: name, Err: p.Err} // The other name says nothing.
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

// diskSpace returns how many bytes of disk a store takes.
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
			total += allocated(info)
		}
		return err
	})
	return total, err
}
