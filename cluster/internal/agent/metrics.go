package agent

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/internal/host"
)

// metrics are what the agent shows of itself and of the networks.
type metrics struct {
	registry *prometheus.Registry

	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	blocks   *prometheus.GaugeVec
	inHand   *prometheus.GaugeVec
	leased   *prometheus.GaugeVec
	may      *prometheus.GaugeVec
	halted   *prometheus.GaugeVec
	contact  *prometheus.GaugeVec
}

func newMetrics() *metrics {
	of := []string{"network", "space"}
	gauge := func(name, help string, more ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "leasehold", Subsystem: "cluster", Name: name, Help: help}, append(of[:2:2], more...))
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "leasehold", Subsystem: "cluster", Name: "requests_total", Help: "Requests of the agent and of the plugin, by what was asked for and how it ended.",
		}, []string{"command", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "leasehold", Subsystem: "cluster", Name: "request_seconds", Help: "How long requests of the plugin took.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}, []string{"command"}),
		blocks:  gauge("blocks", "Blocks of addresses that this host holds.", "state"),
		inHand:  gauge("free_addresses", "Addresses of IPv4 that this host holds and can lease without asking."),
		leased:  gauge("leased_addresses", "Addresses of IPv4 that are leased from blocks of this host."),
		may:     gauge("confirmed", "1 if this host may lease what it holds in this boot."),
		halted:  gauge("halted", "1 if no host gets blocks, because the servers may have lost what was written to them: see leasehold cluster recover."),
		contact: gauge("last_contact_timestamp_seconds", "When the servers last confirmed what this host holds."),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.blocks, m.inHand, m.leased, m.may, m.halted, m.contact)
	return m
}

// Metrics serves the metrics in the formats of Prometheus.
func (a *Agent) Metrics() http.Handler {
	return promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

func (m *metrics) asked(command string, err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	m.requests.WithLabelValues(command, result).Inc()
}

func (m *metrics) took(command string, d time.Duration) {
	m.seconds.WithLabelValues(command).Observe(d.Seconds())
}

// measure updates the metrics of a network; kept is how keeping it has ended.
func (a *Agent) measure(ctx context.Context, h *host.Host, kept error) error {
	s, err := h.State(ctx)
	if err != nil {
		return err
	}
	m, labels := a.metrics, []string{h.Network(), h.Space()}
	for _, state := range []backend.BlockState{backend.Requested, backend.Open, backend.Closing} {
		m.blocks.WithLabelValues(append(labels[:2:2], state.String())...).Set(float64(s.Blocks[state]))
	}
	m.inHand.WithLabelValues(labels...).Set(float64(s.Addresses - s.Leased))
	m.leased.WithLabelValues(labels...).Set(float64(s.Leased))
	m.may.WithLabelValues(labels...).Set(number(s.Confirmed))
	m.halted.WithLabelValues(labels...).Set(number(errors.Is(kept, cluster.ErrHalted)))
	if kept == nil {
		m.contact.WithLabelValues(labels...).SetToCurrentTime()
	}
	return nil
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
