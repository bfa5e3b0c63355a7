package host

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/etcd"
	"github.com/leasehold/leasehold/cluster/internal/settings"
)

// An Operator is the view of the space of a network.
type Operator struct {
	*cluster.Admin
	Space string
}

// ManyRequests is how long to wait at least for what takes dozens of requests, one after the other:
// making and recovering a space on servers that are new.
const ManyRequests = 30 * time.Second

// How long a restore of the servers shows, and how many write at once what it takes: new servers on a slow
// disk have it in seconds. See [cluster.Admin.WithMargin].
const margin, writers = 1024, 16

// Operate calls fn with the view of the space of the network. Its time limit is the one in the
// settings, or least if that is longer.
func (h *Host) Operate(ctx context.Context, least time.Duration, fn func(context.Context, Operator) error) error {
	limited, cancel := context.WithTimeout(ctx, max(least, h.settings.Timeout))
	defer cancel()
	admin := cluster.NewAdmin(h.engine, h.settings.Prefix).WithMargin(margin, writers)
	return h.inHand(ctx, fn(limited, Operator{admin, h.config.Space}))
}

// Find returns a host, and how many blocks it holds.
func (o Operator) Find(ctx context.Context, name string) (found cluster.Host, blocks int, err error) {
	hosts, err := o.Hosts(ctx, o.Space)
	if err != nil {
		return found, 0, err
	}
	var names []string
	for _, h := range hosts {
		if h.Name == name {
			found = h
		}
		names = append(names, h.Name)
	}
	if found.Name == "" {
		return found, 0, fmt.Errorf("space %s has no host %s; its hosts are: %s", o.Space, name, strings.Join(names, ", "))
	}
	held, err := o.Blocks(ctx, o.Space)
	for _, b := range held {
		if slices.Contains(b.Holders(), name) {
			blocks++
		}
	}
	return found, blocks, err
}

// Admin returns the view of all spaces of a cluster, the time limit in its settings, and a function
// that closes the connection.
func Admin(dir, name string) (a *cluster.Admin, timeout time.Duration, closeEngine func() error, err error) {
	s, err := settings.Read(dir, name)
	if err != nil {
		return nil, 0, nil, err
	}
	e := etcd.New(s.Etcd)
	return cluster.NewAdmin(e, s.Prefix), s.Timeout, e.Close, nil
}
