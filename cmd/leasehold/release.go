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
		Long: `Release addresses of a network, or all that a container or a pod holds in it.

If an address is not leased, nothing is released, and the exit status is 1. Up
to 256 leases are released in one transaction. More are released in portions, so
that plugins have their turn between them: after an error, or an interrupt, what
was released is told, and the rest stays. The container should be gone: its
address will be leased again. Of a pod that has leases of several containers, of
an old sandbox and of the one that runs, nothing is released: name the
container. Files stores do not record pods. As JSON: an array of what was
released, as that of list.`,
		Example: `  leasehold release podnet 10.1.0.7 --dry-run
  leasehold release podnet --container 4f2d9c0e8b7a65544f2d...`,
		Args: cli.Arguments(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error { return t.release(cmd, args[0], args[1:], f) },
	}
	c.Flags().StringVar(&f.owner.ContainerID, "container", "", "ID of the container, whole")
	c.Flags().StringVar(&f.pod, "pod", "", "the pod, NAMESPACE/POD")
	c.Flags().StringVar(&f.owner.IfName, "ifname", "", "with --container: this interface only")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would be released, and release nothing")
	return c
}

func (t *tool) release(cmd *cobra.Command, name string, texts []string, f releaseFlags) error {
	addrs, err := f.check(texts)
	if err != nil {
		return err
	}
	n, err := t.network(name)
	if err != nil {
		return err
	}
	leases, err := t.releaseFrom(cmd, n, addrs, f)
	unleased, several := (*allocator.UnleasedError)(nil), (*allocator.AmbiguousPodError)(nil)
	answered := errors.As(err, &unleased) || errors.As(err, &several)
	if err != nil && !answered && len(leases) == 0 {
		return t.inNetwork(n, err)
	}
	if err := t.tellReleased(n, leases, f.dryRun); err != nil {
		return err
	}
	switch {
	case unleased != nil:
		return t.nothingReleased(n, isNotLeased(unleased.Addrs))
	case several != nil:
		return t.nothingReleased(n, fmt.Sprintf("%s has leases of %s: %s; name one by --container", several.Pod,
			count(len(several.Containers), "container"), strings.Join(several.Containers, ", ")))
	case len(leases) == 0 && f.pod != "":
		return t.nothingReleased(n, f.pod+" holds nothing"+n.noPods())
	case len(leases) == 0:
		return t.nothingReleased(n, fmt.Sprintf("%s holds nothing%s", f.owner, t.wholeID(cmd, n, f.owner)))
	}
	fmt.Fprintf(t.errs, "%s: %s %s\n", n.name, releasing(f.dryRun), count(len(leases), "lease"))
	return t.inNetwork(n, err)
}

// nothingReleased says why the answer is no.
func (t *tool) nothingReleased(n network, why string) error {
	fmt.Fprintln(t.errs, cli.Printable(n.name+": nothing was released: "+why))
	return errNo
}

func isNotLeased(addrs []netip.Addr) string {
	if len(addrs) == 1 {
		return addrs[0].String() + " is not leased"
	}
	return addrList(addrs) + " are not leased"
}

// check reads the addresses, and makes sure that it is clear what is meant.
func (f releaseFlags) check(texts []string) ([]netip.Addr, error) {
	switch {
	case f.owner.ContainerID != "" && len(texts) > 0, f.pod != "" && len(texts) > 0, f.owner.ContainerID != "" && f.pod != "":
		return nil, errors.New("name addresses, or a container, or a pod: one of them, not both")
	case f.owner.ContainerID == "" && f.pod == "" && len(texts) == 0:
		return nil, errors.New("name the addresses to release, or --container ID, or --pod NAMESPACE/POD")
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
	if _, err := n.standing(); err != nil {
		return nil, err
	}
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	store := t.often(n)
	if f.dryRun {
		store = rehearsal{store}
	}
	if f.pod != "" {
		pod, err := parsePod(f.pod)
		if err != nil {
			return nil, err
		}
		return allocator.ReleasePod(ctx, store, pod)
	}
	if f.owner.ContainerID != "" {
		return allocator.Release(ctx, store, f.owner)
	}
	return allocator.ReleaseAddrs(ctx, store, addrs)
}

// wholeID says which ID that holds a lease is like the one of the owner, if there is one.
func (t *tool) wholeID(cmd *cobra.Command, n network, o backend.Owner) string {
	ctx, cancel := t.waiting(cmd)
	defer cancel()
	text := ""
	err := t.store(n).View(ctx, func(tx backend.ReadTx) error {
		held, err := attachments.HeldOf(tx.Leases(netip.Addr{}))
		if err != nil {
			return err
		}
		if id, _ := held.Like(o.ContainerID); id != "" && id != o.ContainerID { // not of another interface
			text = "; did you mean " + id + "?"
		}
		return nil
	})
	if err != nil {
		return "" // It is only a hint.
	}
	return text
}

// noPods says so of a network whose store records no pods.
func (n network) noPods() string {
	if kind, err := n.kind(); err == nil && kind == config.Files {
		return "; files stores do not record pods"
	}
	return ""
}

// A rehearsal is a store on which nothing that is done has an effect.
type rehearsal struct{ backend.Store }

// Update implements [backend.Store], and takes back what fn has done.
func (r rehearsal) Update(ctx context.Context, fn func(backend.Tx) error) error {
	var rehearsed bool
	err := r.Store.Update(ctx, func(tx backend.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		rehearsed = true
		return errNo
	})
	if rehearsed {
		return nil
	}
	return err
}

// tellReleased says what was released, and from whom.
func (t *tool) tellReleased(n network, leases []backend.Lease, dryRun bool) error {
	if t.output == "json" {
		return t.writeJSON(leaseRows(n.name, leases))
	}
	for _, l := range leases {
		fmt.Fprintf(t.out, "%s %s %s\n", releasing(dryRun), l.Addr, t.holder(l))
	}
	return nil
}

// releasing is what is done, or would be.
func releasing(dryRun bool) string {
	if dryRun {
		return "would release"
	}
	return "released"
}

// holder says from whom an address is taken.
func (t *tool) holder(l backend.Lease) string {
	if l.Owner.IsZero() {
		return "(torn: its holder is not known)"
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
		text += ", " + age(d) + " old"
	}
	return cli.Printable(text)
}
