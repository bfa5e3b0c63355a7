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

	// Each of these flags removes a protection of running containers.
	starting    bool
	inUse       bool
	neverListed bool
}

func (t *tool) gcCommand() *cobra.Command {
	var f gcFlags
	c := &cobra.Command{
		Use:   "gc NETWORK --valid FILE|-",
		Short: "Release the leases of containers that are gone",
		Long: `Release the leases of a network whose attachments are not on a list.

Each line of the list has a container ID and, to keep only one of its
interfaces, the interface name. The list can also be JSON: the
cni.dev/valid-attachments of CNI, or the output of crictl or podman.

A container that is not on the list loses its addresses, so the list must have
the full IDs of all containers; for a Kubernetes pod, the ID of its sandbox. A
list that is almost certainly a mistake is rejected, with the line: IDs that are
truncated, in upper case or have something appended; IDs in comments; names in
place of interfaces; a JSON key given twice; a file that is written to while it
is read; a list on which no container holds an address. Leases dated before this
machine started are released all the same: their containers are gone.

Some leases are spared although they are not on the list:
  - Leases that were younger than ten minutes, or than --older-than, when the
    list was made: a runtime lists a container only after all plugins are done
    with it. A lease dated more than ten minutes ahead of the clock is not
    spared. A list dated in the future is rejected.
  - Leases whose network namespace exists, if the store records it (bolt) and
    this process can see it: run gc on the host, not in a container.
  - Leases whose address is configured on an interface of the host or of a
    container, if no container on the list holds an address: such a list
    protects no container.
  - Leases of containers that no runtime lists, recognized by their IDs:
    buildah and "podman build", BuildKit, Apptainer and cnitool.

Many leases are released in portions, so that plugins get the lock in between.
After an error or an interrupt, gc prints what it has released; run the same
command again to continue.

As JSON: an object with the keys network, dryRun, released (an array like the
output of list) and spared (the same, with the key reason: young, in-use or
never-listed).`,
		Example: `  crictl pods -q | leasehold gc podnet --valid - --dry-run
  podman ps -aq --no-trunc | leasehold gc podman --valid -
  nerdctl ps -aq --no-trunc | sed s/^/default-/ | leasehold gc bridge --valid -`,
		Args: cli.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return t.gc(cmd, args[0], f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.valid, "valid", "", "file with the attachments to keep; - is standard input")
	cli.DurationVar(flags, &f.olderThan, "older-than", youngAge, "spare leases younger than this")
	flags.BoolVar(&f.none, "allow-none", false, "accept a list on which no container holds an address")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be released, without releasing it")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "print spared leases, as --dry-run does")
	flags.BoolVar(&f.starting, "release-starting", false, "also release young leases: a starting container can lose its address to another")
	flags.BoolVar(&f.inUse, "release-in-use", false, "also release leases whose namespace exists: two containers can get the same address")
	flags.BoolVar(&f.neverListed, "release-never-listed", false, "also release leases of containers that no runtime lists: running builds lose their addresses")
	return c
}

// youngAge is the age below which a lease can be missing from the list of its runtime. A
// kubelet gives up an ADD after four minutes, twice its runtimeRequestTimeout, and containerd
// then kills the plugins. CRI-O gives them five minutes more: see docs/runtimes.md.
const youngAge = 10 * time.Minute

func (t *tool) gc(cmd *cobra.Command, name string, f gcFlags) error {
	if f.olderThan < 0 {
		return fmt.Errorf("--older-than %v: want a duration like 10m", f.olderThan)
	}
	switch given := cmd.Flag("older-than").Changed; {
	case f.starting && !given:
		f.olderThan = 0
	case !f.starting && f.olderThan < youngAge:
		t.warn("--older-than %v: leases younger than %v are spared unless --release-starting is given", f.olderThan, youngAge)
		f.olderThan = youngAge
	}
	list, err := t.readList(f.valid)
	if err != nil {
		return err
	}
	n, err := t.network(name)
	if err != nil {
		return err
	}
	// Not before: while gc waits for its list, a signal must end it at once.
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	cmd.SetContext(ctx)
	return t.inNetwork(n, t.collect(cmd, n, list, f, stop))
}

// collect decides without a lock which leases are garbage, because looking up many namespaces
// takes time. Then it releases the leases that have not changed since.
func (t *tool) collect(cmd *cobra.Command, n network, list validList, f gcFlags, stop func()) error {
	store := t.storeForPortions(n)
	leases, err := allocator.ReadLeases(cmd.Context(), store)
	if err != nil {
		return err
	}
	if err := t.checkMistakes(list, n, leases); err != nil {
		return err
	}
	host := newHost(list.anyHolder(leases) == "")
	r := gcResult{flags: f, list: list, host: host, candidates: f.filter(list, host).Classify(leases)}
	r.released = r.candidates.DatedBeforeBoot
	rejected := t.checkPlausible(cmd, n, r, leases)
	if rejected == nil {
		r.released = merged(r.released, r.candidates.Unlisted)
	}
	if !f.dryRun {
		if r.released, err = allocator.ReleaseUnchanged(cmd.Context(), store, r.released); err != nil && len(r.released) == 0 {
			return err
		}
	}
	if rejected != nil {
		rejected = &rejectedListError{rejected, len(r.released), f.dryRun}
	}
	stop() // While the output blocks, a signal must end the command at once.
	return errors.Join(t.printGC(n, r), err, rejected)
}

// filter returns the garbage filter for the list and the flags.
func (f gcFlags) filter(list validList, host *host) allocator.GarbageFilter {
	g := allocator.GarbageFilter{Valid: list.owners, Boot: allocator.Boot(boot.Current())}
	if f.olderThan > 0 {
		// The upper limit is later than the list, so that a container that is starting is spared
		// even if the clock was set back after its lease was made.
		g.From, g.Until = list.made.Add(-f.olderThan), list.readAt.Add(youngAge)
	}
	if !f.inUse {
		g.InUse = func(l backend.Lease) bool { return host.uses(l) != "" }
	}
	if !f.neverListed {
		g.NeverListed = func(l backend.Lease) bool {
			_, ok := attachments.MadeBy(l.Owner.ContainerID)
			return ok && host.namespace(l) != netns.Gone
		}
	}
	return g
}
