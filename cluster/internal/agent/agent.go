// Package agent runs as long as the machine does, and gets blocks of addresses before they are
// needed. It has the hosts compare what they hold with what the servers know, gives back what this
// host does not use, and does for the plugin over a unix socket what it would otherwise execute
// leasehold-cluster for.
//
// Nothing depends on it: without an agent, and after it was killed at any moment, the plugin gets
// its addresses by itself.
package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/leasehold/leasehold/cluster/internal/host"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/netconf"
)

// Options configure an [Agent].
type Options struct {
	// ConfDir is the directory of the network configurations, and Settings the one of the clusters.
	ConfDir, Settings string

	// Every is the time between two looks at a network; Urgent that between two looks whether
	// another host wants blocks.
	Every, Urgent time.Duration

	// Log gets what an operator wants to know.
	Log *slog.Logger
}

// An Agent keeps the networks of this host ready. Make one with [New].
type Agent struct {
	opts    Options
	engines host.Engines
	metrics *metrics

	mu     sync.Mutex
	asked  map[string]network // networks that the plugin has asked for, by the path of their store
	failed map[string]string  // the last error of each network, so that it is logged once
}

// New returns an Agent.
func New(o Options) *Agent {
	return &Agent{opts: o, metrics: newMetrics(), asked: make(map[string]network), failed: make(map[string]string)}
}

// A network is one that is shared with other hosts.
type network struct {
	name string
	path string // of its store
	conf []byte // as the plugin gets it
}

// Run keeps the networks ready until ctx ends.
func (a *Agent) Run(ctx context.Context) error {
	every, urgent := time.NewTicker(a.opts.Every), time.NewTicker(a.opts.Urgent)
	defer every.Stop()
	defer urgent.Stop()
	a.keepAll(ctx)
	for {
		select {
		case <-ctx.Done():
			return a.engines.Close()
		case <-every.C:
			a.keepAll(ctx)
		case <-urgent.C:
			a.releaseAll(ctx)
		}
	}
}

// keepAll keeps all networks ready, one after the other: a host has few.
func (a *Agent) keepAll(ctx context.Context) {
	for _, n := range a.networks() {
		err := a.with(n.conf, "", func(h *host.Host) error { return a.keep(ctx, h) })
		if ctx.Err() != nil {
			return
		}
		a.report(n, err)
	}
}

// releaseAll gives back what other hosts want. It logs no errors: if they last, keepAll has the same.
func (a *Agent) releaseAll(ctx context.Context) {
	for _, n := range a.networks() {
		_ = a.with(n.conf, "", func(h *host.Host) error { return a.release(ctx, h) }) // As the comment of the function says.
	}
}

// with calls fn for the host in the space of a network.
func (a *Agent) with(conf []byte, args string, fn func(*host.Host) error) error {
	h, err := a.engines.Open(conf, args, a.opts.Settings)
	if err != nil {
		return err
	}
	return errors.Join(fn(h), h.Close())
}

// networks returns the networks that are shared: those in the directory of configurations, and those
// that the plugin has asked for, whose configurations can be elsewhere.
func (a *Agent) networks() (all []network) {
	known := make(map[string]bool)
	add := func(n network) {
		if !known[n.path] {
			known[n.path] = true
			all = append(all, n)
		}
	}
	node, err := netconf.Read(a.opts.ConfDir)
	if err != nil {
		a.report(network{name: a.opts.ConfDir, path: a.opts.ConfDir}, err)
	}
	for _, n := range node.Networks {
		if n.Config != nil && n.Config.Cluster != "" {
			add(network{n.Config.Name, n.Config.Path(), n.Text})
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range a.asked {
		add(n)
	}
	return all
}

// remember keeps a network that the plugin has asked for.
func (a *Agent) remember(conf []byte) {
	n, err := config.ParseNetwork(conf)
	if err != nil {
		return // What it asked for fails for the same reason.
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked[n.Path()] = network{n.Name, n.Path(), conf}
}

func (a *Agent) keep(ctx context.Context, h *host.Host) error {
	kept, err := h.Keep(ctx)
	a.metrics.asked("keep", err)
	for _, b := range kept.Got {
		a.opts.Log.Info("got a block", "network", h.Network(), "block", b.String())
	}
	for _, b := range kept.Given {
		a.opts.Log.Info("gave a block back", "network", h.Network(), "block", b.String(), "wanted", kept.Wanted)
	}
	return errors.Join(err, a.measure(ctx, h, err))
}

func (a *Agent) release(ctx context.Context, h *host.Host) error {
	given, err := h.ReleaseUnused(ctx)
	for _, b := range given {
		a.opts.Log.Info("gave a block back", "network", h.Network(), "block", b.String(), "wanted", true)
	}
	return err
}

// report logs an error of a network when it is another one than before, and that it has ended.
func (a *Agent) report(n network, err error) {
	text := ""
	if err != nil {
		text = cli.Printable(err.Error())
	}
	a.mu.Lock()
	before := a.failed[n.path]
	a.failed[n.path] = text
	a.mu.Unlock()
	switch {
	case text == before:
	case err != nil:
		a.opts.Log.Warn(text, "network", n.name, "advice", host.AnswerTo(err, n.name).Details)
	default:
		a.opts.Log.Info("works again", "network", n.name)
	}
}
