package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/dump"
	"github.com/leasehold/leasehold/internal/stores"
)

func (t *tool) exportCommand() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use:   "export [NETWORK…]",
		Short: "Write leases and cursors as JSON Lines",
		Long: `Write the leases and cursors of networks as JSON Lines: for each network a
header, one line per lease, and a trailer with their number. import reads the
export on this host or another one, into either kind of store. A bolt store's
history is a part of it: the leases that have ended.

The export of a network is a consistent snapshot. Torn leases are left out.`,
		Example:     "  leasehold export > leases.jsonl\n  leasehold export podnet --to podnet.jsonl",
		Annotations: map[string]string{fixedFormat: "in JSON Lines"},
		RunE: func(cmd *cobra.Command, names []string) error {
			networks, err := t.networks(names)
			if err != nil {
				return err
			}
			if err := t.checkNames(networks); err != nil {
				return err
			}
			t.warnOfStrays()
			return t.withOutput(to, func(w io.Writer) error { return t.export(cmd, networks, w) })
		},
	}
	c.Flags().StringVar(&to, "to", "", "new file to write, instead of standard output")
	return c
}

// checkNames returns an error if two networks with a store have one name: import could not tell which is
// which.
func (t *tool) checkNames(networks []network) error {
	stored := slices.DeleteFunc(slices.Clone(networks), func(n network) bool {
		kind, err := n.kind()
		return err == nil && kind == stores.None
	})
	for _, n := range oneOfEachName(stored) {
		if i := slices.IndexFunc(stored, func(other network) bool { return other.name == n.name && other.path != n.path }); i >= 0 {
			return fmt.Errorf("%s: network is in %s and in %s: choose one with --data-dir", n.name, filepath.Dir(n.path), filepath.Dir(stored[i].path))
		}
	}
	return nil
}

// withOutput calls fn with a new file of that name, or with standard output. After an error
// it removes the file.
func (t *tool) withOutput(name string, fn func(io.Writer) error) error {
	if name == "" {
		return fn(t.out)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = fn(f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// export writes the networks that can be read, even if one of the stores cannot.
func (t *tool) export(cmd *cobra.Command, networks []network, w io.Writer) error {
	var failed error
	for _, n := range networks {
		kind, err := n.kind()
		if err == nil && kind != stores.None {
			err = t.exportOne(cmd, n, kind, w)
		}
		failed = errors.Join(failed, t.inNetwork(n, err))
	}
	return failed
}

// exportOne releases the lock before it writes, because the reader of the output can be slow.
func (t *tool) exportOne(cmd *cobra.Command, n network, kind string, w io.Writer) error {
	ctx, cancel := t.lockContext(cmd)
	defer cancel()
	var c backend.Content
	var leases []backend.Lease
	var ended []backend.Ended
	err := t.readStore(n).View(ctx, func(tx backend.ReadTx) (err error) {
		if c, err = backend.ContentOf(tx); err != nil {
			return err
		}
		for l, err := range c.Leases {
			if err != nil {
				return err
			}
			leases = append(leases, l)
		}
		if c.History == nil {
			return nil
		}
		for e, err := range c.History {
			if err != nil {
				return err
			}
			ended = append(ended, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.Leases, c.History = yieldAll(leases), nil
	if len(ended) > 0 || !c.Gap.IsZero() { // Earlier versions can read an export without a history.
		c.History = yieldAll(ended)
	}
	written, err := dump.Write(w, n.name, kind, c)
	if err == nil {
		fmt.Fprintf(t.errs, "%s: wrote %s%s\n", n.name, count(written, "lease"), andEnded(len(ended)))
	}
	return err
}

// andEnded returns " and n ended leases", or nothing if n is 0.
func andEnded(n int) string {
	if n == 0 {
		return ""
	}
	return " and " + count(n, "ended lease")
}

func yieldAll[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, one := range all {
			if !yield(one, nil) {
				return
			}
		}
	}
}
