package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/leasehold/leasehold/cluster/internal/agent"
	"github.com/leasehold/leasehold/cluster/internal/settings"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/neighbour"
	"github.com/leasehold/leasehold/internal/netconf"
)

func (t *tool) agentCommand() *cobra.Command {
	var (
		o               agent.Options
		socket, metrics string
	)
	c := &cobra.Command{
		Use:   "agent",
		Short: "Get blocks before they are needed, while the machine runs",
		Long: `Get blocks of addresses before they are needed, for all networks that are
shared: those in the directory of configurations, and those that the plugin asks
for. It compares what this host holds with what etcd knows, gives back what this
host does not use, and answers the plugin faster than a program that has to be
started.

The plugin does not need it: without an agent it executes leasehold-cluster by
itself.`,
		Args: cli.Arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			o.ConfDir = netconf.Dir(o.ConfDir, t.getenv)
			o.Settings = cmp.Or(t.getenv(settings.DirVar), settings.DefaultDir)
			if o.Every <= 0 || o.Urgent <= 0 {
				return errors.New("--every and --urgent: want durations that are positive")
			}
			o.Log = slog.New(slog.NewTextHandler(t.errs, nil))
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			return runAgent(ctx, agent.New(o), socket, metrics)
		},
	}
	flags := c.Flags()
	flags.StringVar(&socket, "socket", neighbour.DefaultSocket, "unix socket for the plugin")
	flags.StringVar(&metrics, "metrics", "", "address to serve metrics at, such as 127.0.0.1:9476 (default: none)")
	flags.StringVar(&o.ConfDir, "conf-dir", "", "directory of the configurations (default: $NETCONFPATH, else "+netconf.DefaultDir+")")
	cli.DurationVar(flags, &o.Every, "every", time.Minute, "how often to look at each network")
	cli.DurationVar(flags, &o.Urgent, "urgent", 5*time.Second, "how often to look whether another host wants blocks")
	return c
}

// runAgent runs an agent until ctx ends, or until a part of it fails.
func runAgent(ctx context.Context, a *agent.Agent, socket, metrics string) error {
	l, err := agent.Listen(socket)
	if err != nil {
		return err
	}
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return a.Serve(ctx, l) })
	if metrics != "" {
		if err := serveMetrics(ctx, all, a, metrics); err != nil {
			return errors.Join(err, l.Close())
		}
	}
	all.Go(func() error { return a.Run(ctx) })
	return all.Wait()
}

// serveMetrics serves the metrics at an address until ctx ends.
func serveMetrics(ctx context.Context, all *errgroup.Group, a *agent.Agent, address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("--metrics: %w", err)
	}
	const patience = 10 * time.Second
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.Metrics())
	s := &http.Server{Handler: mux, ReadTimeout: patience, WriteTimeout: patience}
	context.AfterFunc(ctx, func() { s.Close() }) // Serve says how it ended.
	all.Go(func() error {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return nil
}
