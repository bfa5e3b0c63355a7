package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/attachments"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/netns"
)

type gcFlags struct {
	valid     string
	olderThan time.Duration
	none      bool
	dryRun    bool
	verbose   bool

	// Each of these gives up a protection of containers that run.
	starting    bool
	inUse       bool
	neverListed bool
}

func (t *tool) gcCommand() *cobra.Command {
	var f gcFlags
	c := &cobra.Command{
		Use:   "gc NETWORK --valid FILE|-",
		Short: "Release the leases of containers that are gone",
		Long: `Release the leases of a network that belong to none of the attachments listed.

The list has a container ID on each line, followed, if only one of its
interfaces is meant, by the interface name. Or it is JSON: what CNI calls
cni.dev/valid-attachments, or what crictl and podman print.

A container that is not on the list loses its addresses, so the list has to have
whole IDs of all containers; of a Kubernetes pod, the ID of its sandbox. A list
that is almost certainly a mistake is rejected, with the line: IDs that are cut,
in upper case or have something added; IDs in comments; names in the place of
interfaces; a JSON key given twice; a file that is written to while it is read;
and a list without any holder of an address. Leases dated before this machine
started are released all the same: their containers are gone.

Spared, although they are not on the list, are leases
  - younger than five minutes, or than --older-than, when the list was made: a
    runtime lists a container only once all plugins are done with it. A time
    more than five minutes ahead of the clock says nothing about the age. A
    list that is itself dated in the future is refused;
  - whose network namespace exists, as far as the store has recorded it (bolt)
    and this process can see it: run gc on the host, not in a container;
  - whose address an interface of the host or of a container has, if nothing on
    the list holds an address: such a list protects no container;
  - of containers that no runtime lists, known by the form of their IDs: those
    of buildah and "podman build", BuildKit, Apptainer and cnitool.

Many leases are released in portions, so that plugins have their turn between
them. After an error, or an interrupt, what was released is told; the same
command again goes on.

As JSON: an object with the keys network, dryRun, released (an array as that of
list) and spared (the same, with the key reason: young, in-use or never-listed).`,
		Example: `  crictl pods -q | leasehold gc podnet --valid - --dry-run
  podman ps -aq --no-trunc | leasehold gc podman --valid -
  nerdctl ps -aq --no-trunc | sed s/^/default-/ | leasehold gc bridge --valid -`,
		Args: cli.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return t.gc(cmd, args[0], f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.valid, "valid", "", "file with the attachments to keep; - is standard input")
	cli.DurationVar(flags, &f.olderThan, "older-than", youngest, "spare what is younger")
	flags.BoolVar(&f.none, "allow-none", false, "go on if nothing on the list holds an address")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be released, and release nothing")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "say what is spared, as --dry-run does")
	flags.BoolVar(&f.starting, "release-starting", false, "release young leases too: containers that are starting lose their addresses to others")
	flags.BoolVar(&f.inUse, "release-in-use", false, "release leases whose namespace exists, too: two containers then have one address")
	flags.BoolVar(&f.neverListed, "release-never-listed", false, "release leases of containers that no runtime lists, too: builds that run lose their addresses")
	return c
}

// youngest is how old a lease is at least that a list can know of. A kubelet gives up an
// ADD after four minutes, twice its runtimeRequestTimeout, and containerd then kills the
// plugins. CRI-O gives them five minutes more: see docs/runtimes.md.
const youngest = 5 * time.Minute

func (t *tool) gc(cmd *cobra.Command, name string, f gcFlags) error {
	if f.olderThan < 0 {
		return fmt.Errorf("--older-than %v: want a duration like 10m", f.olderThan)
	}
	switch given := cmd.Flag("older-than").Changed; {
	case f.starting && !given:
		f.olderThan = 0
	case !f.starting && f.olderThan < youngest:
		t.warn("--older-than %v: what is younger than %v is spared all the same, unless --release-starting is given", f.olderThan, youngest)
		f.olderThan = youngest
	}
	list, err := t.readList(f.valid)
	if err != nil {
		return err
	}
	n, err := t.network(name)
	if err != nil {
		return err
	}
	// Only now: a signal ends a command that waits for its list.
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	cmd.SetContext(ctx)
	return t.inNetwork(n, t.collect(cmd, n, list, f, stop))
}

// collect looks at the leases without a lock, because to look at many namespaces takes
// time, and then releases the leases that have not changed.
func (t *tool) collect(cmd *cobra.Command, n network, list list, f gcFlags, stop func()) error {
	store := t.often(n)
	leases, err := allocator.ReadLeases(cmd.Context(), store)
	if err != nil {
		return err
	}
	if err := t.check(list, n, leases); err != nil {
		return err
	}
	host := newHost(list.holder(leases) == "")
	c := collected{flags: f, list: list, host: host, sorted: f.sweep(list, host).Classify(leases)}
	c.released = c.sorted.EarlierBoot
	refusal := t.distrust(cmd, n, c, leases)
	if refusal == nil {
		c.released = merged(c.released, c.sorted.Unlisted)
	}
	if !f.dryRun {
		if c.released, err = allocator.ReleaseUnchanged(cmd.Context(), store, c.released); err != nil && len(c.released) == 0 {
			return err
		}
	}
	if refusal != nil {
		refusal = &refusedError{refusal, len(c.released), f.dryRun}
	}
	stop() // A command whose answer is not read ends by a signal.
	return errors.Join(t.tellCollected(n, c), err, refusal)
}

// sweep returns what the flags make of the list.
func (f gcFlags) sweep(list list, host *host) allocator.GarbageFilter {
	s := allocator.GarbageFilter{Valid: list.owners, Boot: allocator.Boot(boot.Current())}
	if f.olderThan > 0 {
		// A container that started when the clock was ahead, before it was set back, is
		// spared while it can be starting.
		s.From, s.Until = list.made.Add(-f.olderThan), list.readAt.Add(youngest)
	}
	if !f.inUse {
		s.InUse = func(l backend.Lease) bool { return host.uses(l) != "" }
	}
	if !f.neverListed {
		s.NeverListed = func(l backend.Lease) bool {
			_, ok := attachments.MadeBy(l.Owner.ContainerID)
			return ok && host.namespace(l) != netns.Gone
		}
	}
	return s
}
