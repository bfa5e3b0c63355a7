package host

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/etcd"
	"github.com/leasehold/leasehold/cluster/internal/machine"
	"github.com/leasehold/leasehold/cluster/internal/settings"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/stores"
)

// A Host is this host in the space of one network. Use [Open] to get one.
type Host struct {
	config   *config.Config
	settings *settings.Settings
	engine   *etcd.Engine
	store    backend.Store
	member   *cluster.Member
	boot     allocator.Boot
	release  func() error // ends the use of the engine
}

// ErrNotShared: the configuration names no cluster.
var ErrNotShared = errors.New(`the network is not shared with other hosts; add "cluster": "NAME" to ipam, the name of a file in ` + settings.DefaultDir)

// ErrOther: the store belongs to another cluster or space than the configuration names.
var ErrOther = errors.New("the store is a member of another space")

// Open returns the host for a network configuration and the value of CNI_ARGS. dir has the settings
// of the clusters.
func Open(conf []byte, args, dir string) (*Host, error) {
	var alone Engines
	h, err := alone.Open(conf, args, dir)
	if err == nil {
		h.release = alone.Close
	}
	return h, err
}

// Open is the function Open for a process that opens many Hosts.
func (e *Engines) Open(conf []byte, args, dir string) (*Host, error) {
	c, err := config.Parse(conf, args)
	if err != nil {
		return nil, err
	}
	if c.Cluster == "" {
		return nil, ErrNotShared
	}
	s, err := settings.Read(dir, c.Cluster)
	if err != nil {
		return nil, err
	}
	id, err := machine.Fingerprint()
	if err != nil {
		return nil, err
	}
	store, _, err := stores.Open(c.Path(), c.Backend)
	if err != nil {
		return nil, err
	}
	h := &Host{config: c, settings: s, store: store, boot: boot.Current()}
	h.engine, h.release = e.use(s)
	h.member = cluster.NewMember(store, h.engine, cluster.Options{
		Identity: cluster.Identity{
			Boot: h.boot.ID, Machine: id,
			Address: machine.Address(), Ranges: ranges(c.Pool), Program: cli.Version(),
		},
		Prefix: s.Prefix,
	})
	return h, nil
}

// ranges returns the ranges of a pool, for people to compare.
func ranges(pool allocator.Pool) string {
	var texts []string
	for _, s := range pool.Sets() {
		texts = append(texts, s.String())
	}
	return strings.Join(texts, "; ")
}

// Close ends the use of the connection to the servers.
func (h *Host) Close() error { return h.release() }

// Attest joins the space, unless this host is a member, and has the servers confirm what it holds. In a
// recovery of the space it reports that, and returns [cluster.ErrReported].
func (h *Host) Attest(ctx context.Context) error {
	return h.exclusively(ctx, func(ctx context.Context, _ int) error {
		m, err := h.membership(ctx)
		if err == nil && m.IsZero() {
			return h.join(ctx)
		}
		if err == nil {
			err = h.checkSpace(m)
		}
		if err != nil {
			return err
		}
		return h.member.Attest(ctx)
	})
}

// Adopt makes this host a member with the leases that it has.
func (h *Host) Adopt(ctx context.Context) error {
	return h.exclusively(ctx, func(ctx context.Context, _ int) error {
		return h.member.Adopt(ctx, h.config.Cluster, h.config.Space, h.settings.Host)
	})
}

// Rejoin makes this host a member again that is stopped, with the leases that it has.
func (h *Host) Rejoin(ctx context.Context) error {
	return h.exclusively(ctx, func(ctx context.Context, _ int) error { return h.member.Rejoin(ctx) })
}

// Drop has this host, which is stopped and has no leases, forget its membership.
func (h *Host) Drop(ctx context.Context) error {
	return h.exclusively(ctx, func(ctx context.Context, _ int) error { return h.member.Forget(ctx) })
}

// Differences returns in what the store and the servers differ.
func (h *Host) Differences(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, h.settings.Timeout)
	defer cancel()
	return h.member.Differences(ctx)
}

// Claim joins the space, unless this host is a member, and gets blocks if there is a range set without a free address, or an
// address is requested that this host does not hold. It returns the blocks that it has got; none
// if another process was faster, and there are free addresses by now.
func (h *Host) Claim(ctx context.Context) (got []backend.Block, err error) {
	err = h.exclusively(ctx, func(ctx context.Context, waiting int) error {
		if err := h.attest(ctx); err != nil {
			return err
		}
		wants, err := h.wants(ctx, 1+waiting)
		if err != nil || len(wants) == 0 {
			return err
		}
		more, err := h.member.Claim(ctx, wants...)
		got = append(got, more...)
		return h.explain(ctx, wants, err)
	})
	return got, err
}

// GiveBack gives blocks back in which nothing is leased, but for keep of each family, and returns
// them.
func (h *Host) GiveBack(ctx context.Context, keep int) (given []backend.Block, err error) {
	err = h.exclusively(ctx, func(ctx context.Context, _ int) error {
		for {
			more, err := h.member.GiveBack(ctx, keep)
			given = append(given, more...)
			if err != nil || len(more) == 0 {
				return err
			}
		}
	})
	return given, err
}

// attest has the servers confirm what this host holds, unless they have in this boot.
func (h *Host) attest(ctx context.Context) error {
	m, err := h.membership(ctx)
	switch {
	case err != nil:
		return err
	case m.IsZero():
		return h.join(ctx)
	case h.checkSpace(m) != nil:
		return h.checkSpace(m)
	case m.Attested == h.boot.ID && m.Intent == (backend.Intent{}) && m.Stopped == "":
		return nil
	}
	return h.member.Attest(ctx)
}

func (h *Host) join(ctx context.Context) error {
	return h.member.Join(ctx, h.config.Cluster, h.config.Space, h.settings.Host)
}

// checkSpace returns an error unless the store is a member of the space that the configuration names.
func (h *Host) checkSpace(m backend.Membership) error {
	if m.Cluster == h.config.Cluster && m.Space == h.config.Space {
		return nil
	}
	return fmt.Errorf("%w: it is host %s of space %s, cluster %s; the configuration names space %s, cluster %s",
		ErrOther, m.Host, m.Space, m.Cluster, h.config.Space, h.config.Cluster)
}

func (h *Host) membership(ctx context.Context) (m backend.Membership, err error) {
	err = h.store.View(ctx, func(tx backend.ReadTx) error {
		m, err = tx.Membership()
		return err
	})
	return m, err
}

// retryFor is how long an outcome that is not known is asked for again: longer than the servers take
// to elect another leader.
const retryFor = 3 * time.Second

// retry calls fn again while it is not known whether the servers have done what it asked for.
func retry(ctx context.Context, fn func() error) error {
	for began, pause := time.Now(), 20*time.Millisecond; ; pause *= 2 {
		err := fn()
		if !errors.Is(err, cluster.ErrUnknown) || ctx.Err() != nil || time.Since(began) > retryFor {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// A HeldError means that a requested address is in a block that another host holds.
type HeldError struct {
	Addr netip.Addr
	Host string
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("requested IP address %s is not available: host %s holds the block that it is in", e.Addr, e.Host)
}

// explain says with which hosts the blocks are that could not be had.
func (h *Host) explain(ctx context.Context, wants []cluster.Want, err error) error {
	if !errors.Is(err, cluster.ErrNoBlocks) {
		return err
	}
	_ = h.member.Hint(ctx) // Others would give blocks back sooner.
	admin := cluster.NewAdmin(h.engine, h.settings.Prefix)
	for _, w := range wants {
		if !w.Addr.IsValid() {
			continue
		}
		if b, held, askErr := admin.Who(ctx, h.config.Space, w.Addr); askErr == nil && held && b.Host != h.settings.Host {
			return &HeldError{w.Addr, b.Host}
		}
	}
	blocks, askErr := admin.Blocks(ctx, h.config.Space)
	if askErr != nil {
		return err // It says that no block is free.
	}
	return fmt.Errorf("%w (%s)", err, holders(blocks))
}
