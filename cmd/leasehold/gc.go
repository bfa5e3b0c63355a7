package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/attachments"
	"github.com/leasehold/leasehold/internal/cli"
)

type gcFlags struct {
	valid     string
	olderThan time.Duration
	none      bool
	dryRun    bool
}

func (t *tool) gcCommand() *cobra.Command {
	var f gcFlags
	c := &cobra.Command{
		Use:   "gc NETWORK --valid FILE|-",
		Short: "Release the leases of containers that are gone",
		Long: `Release every lease of a network that belongs to none of the attachments listed.

The list has a container ID on each line, followed, if only one of its
interfaces is meant, by the interface name. Or it is JSON: what CNI calls
cni.dev/valid-attachments, or what crictl and podman print.

A container that is not on the list loses its addresses, so the list has to have
whole IDs of all containers; of a Kubernetes pod, that of its sandbox. A list
that cannot be meant is refused: of cut IDs, or without any holder of an
address. Leases that are younger than --older-than are spared: their containers
can have come after the list was made.`,
		Example: `  crictl pods -q | leasehold gc podnet --valid - --dry-run
  podman ps -aq --no-trunc | leasehold gc podman --valid -
  nerdctl ps -aq --no-trunc | sed s/^/default-/ | leasehold gc bridge --valid -`,
		Args: cli.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return t.gc(cmd, args[0], f) },
	}
	c.Flags().StringVar(&f.valid, "valid", "", "file with the attachments to keep; - is standard input")
	cli.DurationVar(c.Flags(), &f.olderThan, "older-than", 5*time.Minute, "spare what is younger; 0 spares none")
	c.Flags().BoolVar(&f.none, "allow-none", false, "go on if nothing on the list holds an address, and release all of them")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would be released, and release nothing")
	return c
}

func (t *tool) gc(cmd *cobra.Command, name string, f gcFlags) error {
	if f.olderThan < 0 {
		return fmt.Errorf("--older-than %v: want a duration like 10m, or 0", f.olderThan)
	}
	valid, err := t.validAttachments(f)
	if err != nil {
		return err
	}
	n, err := t.network(name)
	if err != nil {
		return err
	}
	return t.inNetwork(n, t.sweep(cmd, n, valid, f))
}

func (t *tool) validAttachments(f gcFlags) ([]backend.Owner, error) {
	r, name := t.in, f.valid
	switch f.valid {
	case "":
		return nil, errors.New("--valid is missing: name a file with the attachments to keep, or - for standard input")
	case "-":
		name = "standard input"
	default:
		file, err := os.Open(f.valid)
		if err != nil {
			return nil, err
		}
		defer file.Close() // it was only read
		r = file
	}
	valid, err := attachments.Read(r)
	if errors.Is(err, attachments.ErrEmpty) {
		if f.none {
			return nil, nil
		}
		return nil, fmt.Errorf("%s: %w; if no container is left, and every address is to be released, add --allow-none; nothing was released", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w; nothing was released", name, err)
	}
	return valid, nil
}

func (t *tool) sweep(cmd *cobra.Command, n network, valid []backend.Owner, f gcFlags) error {
	store, err := n.standing()
	if err != nil {
		return err
	}
	if err := t.checkList(cmd, n, store, valid, f); err != nil {
		return err
	}
	s := allocator.Sweep{Valid: valid}
	if f.olderThan > 0 {
		s.Before = t.now().Add(-f.olderThan)
	}
	do := s.Collect
	if f.dryRun {
		do = s.Find
	}
	ctx, cancel := t.waiting(cmd)
	defer cancel()
	released, spared, err := do(ctx, store)
	if err == nil || len(released) > 0 {
		err = errors.Join(t.tellReleased(n, released, f.dryRun), err)
	}
	t.tellSwept(n, len(released), len(spared), f)
	return err
}

// checkList refuses a list that would release what is in use.
func (t *tool) checkList(cmd *cobra.Command, n network, store backend.Store, valid []backend.Owner, f gcFlags) error {
	ctx, cancel := t.waiting(cmd)
	defer cancel()
	return store.View(ctx, func(tx backend.ReadTx) error {
		c, err := attachments.Compare(valid, tx.Leases(netip.Addr{}))
		switch {
		case err != nil:
			return err
		case len(c.Cut) > 0:
			return fmt.Errorf("%s is on the list, and %s holds an address: the list has to have whole IDs "+
				"(podman and nerdctl: --no-trunc); nothing was released", c.Cut[0].Listed, c.Cut[0].Held)
		case c.Containers > 0 && !f.none && !anyHolds(valid, tx):
			return fmt.Errorf("nothing on the list holds an address, though %s do: "+
				"is it a list of something else (of a pod it is the sandbox that counts: crictl pods -q)? "+
				"If every address is to be released, add --allow-none; nothing was released", count(c.Containers, "container"))
		}
		return nil
	})
}

// anyHolds reports whether an attachment on the list holds a lease.
func anyHolds(valid []backend.Owner, tx backend.ReadTx) bool {
	return slices.ContainsFunc(valid, func(o backend.Owner) bool {
		owned, err := tx.OwnedBy(o)
		return err != nil || len(owned) > 0 // what cannot be read, Collect will tell of
	})
}

// tellSwept sums up, for people.
func (t *tool) tellSwept(n network, released, spared int, f gcFlags) {
	text := fmt.Sprintf("%s: %s %s", n.name, releasing(f.dryRun), count(released, "lease"))
	if spared > 0 {
		text += fmt.Sprintf(", spared %d younger than %v", spared, f.olderThan)
	}
	fmt.Fprintln(t.errs, text)
}
