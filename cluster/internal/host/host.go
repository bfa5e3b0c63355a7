package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
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
	seen     seen         // while this process makes requests
	release  func() error // ends the use of the engine
}

// ErrNotShared: the configuration names no cluster.
var ErrNotShared = errors.New(`the network is not shared with other hosts; add "cluster": "NAME" to ipam, the name of a file in ` + settings.DefaultDir)

// ErrOther: the store belongs to another cluster or space than the configuration names.
var ErrOther = errors.New("the store is a member of another space")

// ErrNotEmpty: this host has leases, and so it cannot forget its membership.
var ErrNotEmpty = errors.New("this host is still needed by containers")

// ErrLost: the servers have no such space, although this host is a member of it.
var ErrLost = errors.New("the servers have lost the space of which this host is a member")

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
		Prefix: s.Prefix, Cooldown: c.Cooldown, Cache: &h.seen,
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
		if err == nil && (m.IsZero() || cluster.IsJoining(m)) {
			return h.join(ctx)
		}
		if err == nil {
			err = h.checkSpace(m)
		}
		if err == nil {
			err = h.checkRanges(ctx)
		}
		if err != nil {
			return err
		}
		return h.member.Attest(ctx)
	})
}

// checkRanges returns an error if the network can lease addresses that the space does not have. A space
// that is halted is not looked at: this host may have to report what it holds.
func (h *Host) checkRanges(ctx context.Context) error {
	c, halt, err := cluster.NewAdmin(h.engine, h.settings.Prefix).Space(ctx, h.config.Space)
	if err != nil || halt != nil {
		return err
	}
	for _, set := range h.config.Pool.Sets() {
		if err := c.CheckSet(set); err != nil {
			return err
		}
	}
	return nil
}

// Adopt makes this host a member with the leases that it has.
func (h *Host) Adopt(ctx context.Context) error {
	return h.exclusively(ctx, func(ctx context.Context, _ int) error {
		m, err := h.membership(ctx)
		switch {
		case err != nil:
			return err
		case m.Stopped != "":
			return fmt.Errorf("%w: %s", cluster.ErrStopped, m.Stopped)
		case !m.IsZero():
			if err := h.checkSpace(m); err != nil {
				return err
			}
			if m.Intent == (backend.Intent{}) {
				return h.member.Attest(ctx) // It has adopted them.
			}
		}
		if err := h.checkRanges(ctx); err != nil {
			return err
		}
		return h.explainName(ctx, h.member.Adopt(ctx, h.config.Cluster, h.config.Space, h.settings.Host))
	})
}

// Rejoin makes this host a member again that is stopped, with the leases that it has, under the name in
// the settings.
func (h *Host) Rejoin(ctx context.Context) error { return h.rejoin(ctx, h.member.RejoinAs) }

// Replace is Rejoin of a store that takes the place of another one of this machine: see [cluster.Member.Replace].
// It returns a [SiblingError] if that one is in use.
func (h *Host) Replace(ctx context.Context) error {
	return h.rejoin(ctx, func(ctx context.Context, host string) error {
		m, err := h.membership(ctx)
		if err != nil {
			return err
		}
		name := cmp.Or(host, m.Host)
		if sibling := h.sibling(ctx, name); sibling != "" {
			return &SiblingError{sibling, h.config.Space, &cluster.NameError{Host: name, Own: true}}
		}
		return h.member.Replace(ctx, h.config.Cluster, h.config.Space, name)
	})
}

func (h *Host) rejoin(ctx context.Context, as func(ctx context.Context, host string) error) error {
	return h.exclusively(ctx, func(ctx context.Context, _ int) error {
		if err := h.learn(ctx); err != nil {
			return err
		}
		m, err := h.membership(ctx)
		if err == nil && !m.IsZero() {
			err = h.checkSpace(m)
		}
		if err != nil {
			return err
		}
		return h.explainName(ctx, as(ctx, h.settings.Host))
	})
}

// Drop has this host, which is stopped and has no leases, forget its membership. Leases of an earlier boot
// are released before, if the configuration says so: no ADD can do that any more.
func (h *Host) Drop(ctx context.Context) error {
	return h.exclusively(ctx, func(ctx context.Context, _ int) error {
		if err := h.learn(ctx); err != nil {
			return err
		}
		m, err := h.membership(ctx)
		if err == nil && m.Stopped != "" && h.config.OnReboot.Releases(h.config.Backend) {
			_, err = allocator.ReleaseEarlierBoots(ctx, h.store, h.boot)
		}
		if err != nil {
			return err
		}
		if err = h.member.Forget(ctx); errors.Is(err, cluster.ErrInUse) {
			err = fmt.Errorf("%w: %w", ErrNotEmpty, err)
		}
		return err
	})
}

// learn has a member that was evicted, or copied, stop, if it has not spoken with the servers since. What
// was begun before is to be continued first.
func (h *Host) learn(ctx context.Context) error {
	m, err := h.membership(ctx)
	if err != nil || m.IsZero() || m.Stopped != "" || m.Intent != (backend.Intent{}) {
		return err
	}
	if err := h.checkSpace(m); err != nil {
		return err
	}
	failed := h.member.Attest(ctx)
	if m, err = h.membership(ctx); err == nil && m.Stopped != "" {
		return nil
	}
	return errors.Join(err, failed)
}

// Differences returns in what the store and the servers differ.
func (h *Host) Differences(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, h.settings.Timeout)
	defer cancel()
	if err := h.checkMember(ctx); err != nil {
		return nil, err
	}
	differ, err := h.member.Differences(ctx)
	return differ, h.inHand(ctx, err)
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

// GiveBack gives blocks back in which nothing is leased or withheld, but for keep of each family, and returns
// them.
func (h *Host) GiveBack(ctx context.Context, keep int) (given []backend.Block, err error) {
	err = h.exclusively(ctx, func(ctx context.Context, _ int) error {
		if err := h.checkMember(ctx); err != nil {
			return err
		}
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
	case m.IsZero(), cluster.IsJoining(m):
		return h.join(ctx)
	case h.checkSpace(m) != nil:
		return h.checkSpace(m)
	case m.Attested == h.boot.ID && m.Intent == (backend.Intent{}) && m.Stopped == "":
		return nil
	}
	if err := h.checkRanges(ctx); err != nil {
		return err
	}
	return h.member.Attest(ctx)
}

func (h *Host) join(ctx context.Context) error {
	if err := h.checkRanges(ctx); err != nil {
		return err
	}
	return h.explainName(ctx, h.member.Join(ctx, h.config.Cluster, h.config.Space, h.settings.Host))
}

// A SiblingError means that another network of this host has joined the space: each network has a store
// of its own, and would be a host of its own.
type SiblingError struct {
	Network, Space string
	err            error
}

func (e *SiblingError) Error() string {
	return fmt.Sprintf("network %s of this host is in space %s already", e.Network, e.Space)
}

// Unwrap returns the error of the name.
func (e *SiblingError) Unwrap() error { return e.err }

// explainName returns a SiblingError if this machine has the name already, for another network.
func (h *Host) explainName(ctx context.Context, err error) error {
	name := (*cluster.NameError)(nil)
	if !errors.As(err, &name) || !name.Own {
		return err
	}
	if sibling := h.sibling(ctx, name.Host); sibling != "" {
		return &SiblingError{sibling, h.config.Space, err}
	}
	return err
}

// sibling returns the name of another network whose store is the host of that name in the space, if one is known.
func (h *Host) sibling(ctx context.Context, host string) string {
	entries, err := os.ReadDir(h.config.DataDir)
	if err != nil {
		return "" // The caller says what is known.
	}
	for _, entry := range entries {
		if entry.Name() == h.config.Name || !entry.Type().IsRegular() {
			continue
		}
		var m backend.Membership
		viewErr := bolt.Open(filepath.Join(h.config.DataDir, entry.Name())).View(ctx, func(tx backend.ReadTx) (err error) {
			m, err = tx.Membership()
			return err
		})
		if viewErr == nil && m.Cluster == h.config.Cluster && m.Space == h.config.Space && m.Host == host {
			return entry.Name()
		}
	}
	return ""
}

// checkMember is checkSpace of the store, unless it is no member: the servers of another space know nothing of
// this host, as if they had evicted it.
func (h *Host) checkMember(ctx context.Context) error {
	m, err := h.membership(ctx)
	if err != nil || m.IsZero() {
		return err
	}
	return h.checkSpace(m)
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
