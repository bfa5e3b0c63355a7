package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/attachments"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/config"
)

type releaseFlags struct {
	owner  backend.Owner
	pod    string
	dryRun bool
}

func (t *tool) releaseCommand() *cobra.Command {
	var f releaseFlags
	c := &cobra.Command{
		Use:   "release NETWORK (ADDRESS… | --container ID | --pod POD)",
		Short: "Release addresses, or what a container or pod holds",
		Long: `Release addresses of a network, or all addresses that a container or pod holds
in it.

Release only addresses of containers that no longer exist: the addresses will be
leased again. If an address is not leased, nothing is released, and the exit
status is 1. If a pod has leases of several containers, such as an old sandbox
and the running one, nothing is released: use --container. Files stores do not
record pods.

Up to 256 leases are released in one transaction. More are released in portions,
so that plugins get the lock in between; after an error or an interrupt, release
prints what it has released, and the other leases remain.

As JSON: an array of the released leases, with the keys of list.`,
		Example: `  leasehold release podnet 10.1.0.7 --dry-run
  leasehold release podnet --container 4f2d9c0e8b7a65544f2d...`,
		Args: cli.Arguments(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error { return t.release(cmd, args[0], args[1:], f) },
	}
	c.Flags().StringVar(&f.owner.ContainerID, "container", "", "full ID of the container")
	c.Flags().StringVar(&f.pod, "pod", "", "the pod, NAMESPACE/POD")
	c.Flags().StringVar(&f.owner.IfName, "ifname", "", "with --container: only this interface")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "print what would be released, without releasing it")
	return c
}

func (t *tool) release(cmd *cobra.Command, name string, texts []string, f releaseFlags) error {
	addrs, err := f.parse(texts)
	if err != nil {
		return err
	}
	n, err := t.network(name)
	if err != nil {
		return err
	}
	leases, err := t.releaseFrom(cmd, n, addrs, f)
	unleased, ambiguous := (*allocator.UnleasedError)(nil), (*allocator.AmbiguousPodError)(nil)
	answered := errors.As(err, &unleased) || errors.As(err, &ambiguous)
	if err != nil && !answered && len(leases) == 0 {
		return t.inNetwork(n, err)
	}
	if err := t.printReleased(n, leases, f.dryRun); err != nil {
		return err
	}
	switch {
	case unleased != nil:
		return t.nothingReleased(n, isNotLeased(unleased.Addrs))
	case ambiguous != nil:
		return t.nothingReleased(n, fmt.Sprintf("%s has leases of %s: %s; choose one with --container", ambiguous.Pod,
			count(len(ambiguous.Containers), "container"), strings.Join(ambiguous.Containers, ", ")))
	case len(leases) == 0 && f.pod != "":
		return t.nothingReleased(n, f.pod+" holds nothing"+n.podsHint())
	case len(leases) == 0:
		return t.nothingReleased(n, fmt.Sprintf("%s holds nothing%s", f.owner, t.idHint(cmd, n, f.owner)))
	}
	fmt.Fprintf(t.errs, "%s: %s %s\n", n.name, releaseVerb(f.dryRun), count(len(leases), "lease"))
	return t.inNetwork(n, err)
}

// nothingReleased prints why nothing was released, and returns cli.ErrNo.
func (t *tool) nothingReleased(n network, why string) error {
	fmt.Fprintln(t.errs, cli.Printable(n.name+": nothing was released: "+why))
	return cli.ErrNo
}

func isNotLeased(addrs []netip.Addr) string {
	if len(addrs) == 1 {
		return addrs[0].String() + " is not leased"
	}
	return addrList(addrs) + " are not leased"
}

// parse checks the flags and arguments, and returns the addresses.
func (f releaseFlags) parse(texts []string) ([]netip.Addr, error) {
	switch {
	case f.owner.ContainerID != "" && len(texts) > 0, f.pod != "" && len(texts) > 0, f.owner.ContainerID != "" && f.pod != "":
		return nil, errors.New("give either addresses, or --container, or --pod, not both")
	case f.owner.ContainerID == "" && f.pod == "" && len(texts) == 0:
		return nil, errors.New("give the addresses to release, or --container ID, or --pod NAMESPACE/POD")
	case f.owner.ContainerID == "" && f.owner.IfName != "":
		return nil, errors.New("--ifname needs --container")
	}
	addrs := make([]netip.Addr, len(texts))
	for i, text := range texts {
		var err error
		if addrs[i], err = parseAddr(text); err != nil {
			return nil, err
		}
	}
	return addrs, nil
}

func (t *tool) releaseFrom(cmd *cobra.Command, n network, addrs []netip.Addr, f releaseFlags) ([]backend.Lease, error) {
	if _, err := n.existingStore(); err != nil {
		return nil, err
	}
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	store := t.storeForPortions(n)
	if f.dryRun {
		store = dryRunStore{store}
	}
	if f.pod != "" {
		pod, err := parsePod(f.pod)
		if err != nil {
			return nil, err
		}
		return allocator.ReleasePod(ctx, store, pod)
	}
	if f.owner.ContainerID != "" {
		return allocator.ReleaseContainer(ctx, store, f.owner)
	}
	return allocator.ReleaseAddrs(ctx, store, addrs)
}

// idHint suggests the container ID that the operator probably meant, if an ID with leases is
// similar to the given one.
func (t *tool) idHint(cmd *cobra.Command, n network, o backend.Owner) string {
	ctx, cancel := t.lockContext(cmd)
	defer cancel()
	text := ""
	err := t.readStore(n).View(ctx, func(tx backend.ReadTx) error {
		held, err := attachments.HeldOf(tx.Leases(netip.Addr{}))
		if err != nil {
			return err
		}
		if id, _ := held.Like(o.ContainerID); id != "" && id != o.ContainerID { // Equal if only the interface is wrong.
			text = "; did you mean " + id + "?"
		}
		return nil
	})
	if err != nil {
		return "" // It is only a hint.
	}
	return text
}

// podsHint says that the store of the network does not record pods, if that is so.
func (n network) podsHint() string {
	if kind, err := n.kind(); err == nil && kind == config.Files {
		return "; files stores do not record pods"
	}
	return ""
}

// A dryRunStore is a store whose Updates have no effect.
type dryRunStore struct{ backend.Store }

// Update implements [backend.Store]. It calls fn in a transaction that it then rolls back.
func (s dryRunStore) Update(ctx context.Context, fn func(backend.Tx) error) error {
	var succeeded bool
	err := s.Store.Update(ctx, func(tx backend.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		succeeded = true
		return cli.ErrNo
	})
	if succeeded {
		return nil
	}
	return err
}

// printReleased prints the released leases with their holders.
func (t *tool) printReleased(n network, leases []backend.Lease, dryRun bool) error {
	if t.output == "json" {
		return t.writeJSON(leaseRows(n.name, leases))
	}
	for _, l := range leases {
		fmt.Fprintf(t.out, "%s %s %s\n", releaseVerb(dryRun), l.Addr, t.holderText(l))
	}
	return nil
}

// releaseVerb returns the verb for printed leases.
func releaseVerb(dryRun bool) string {
	if dryRun {
		return "would release"
	}
	return "released"
}

// holderText describes the holder of a lease, as in "10.1.0.2 of c1 (eth0), 5m0s old".
func (t *tool) holderText(l backend.Lease) string {
	if l.Owner.IsZero() {
		return "(torn: its owner is not known)"
	}
	text := "of " + l.Owner.String()
	if l.Pod != (backend.Pod{}) {
		text += ", pod " + l.Pod.String()
	}
	switch d := t.now().Sub(l.Since); {
	case l.Since.IsZero():
	case d < -time.Minute:
		text += ", dated " + l.Since.Format(time.RFC3339) + ", ahead of the clock"
	default:
		text += ", " + formatAge(d) + " old"
	}
	return cli.Printable(text)
}
