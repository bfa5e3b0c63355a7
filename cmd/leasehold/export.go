package main

import (
	"errors"
	"fmt"
	"io"
	"os"

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
		Long: `Write all that the stores of networks hold, as JSON Lines: for each network a
header, a line for each lease, and an end that counts them. import reads it
back, on this host or another, into a store of either kind.

Each network is shown as it was at one moment. Leases that a crash has torn are
left out.`,
		Example:     "  leasehold export > leases.jsonl\n  leasehold export podnet --to podnet.jsonl",
		Annotations: map[string]string{ownFormat: "in JSON Lines"},
		RunE: func(cmd *cobra.Command, names []string) error {
			networks, err := t.networks(names)
			if err != nil {
				return err
			}
			t.tellBystanders()
			return t.withOutput(to, func(w io.Writer) error { return t.export(cmd, networks, w) })
		},
	}
	c.Flags().StringVar(&to, "to", "", "new file to write to, instead of standard output")
	return c
}

// withOutput calls fn with a new file of that name, or with standard output. The file
// does not outlive an error.
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

// export writes what can be read, also if a store among several cannot.
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

// exportOne writes after it has given back the lock: who reads may take his time.
func (t *tool) exportOne(cmd *cobra.Command, n network, kind string, w io.Writer) error {
	ctx, cancel := t.waiting(cmd)
	defer cancel()
	var c backend.Content
	var leases []backend.Lease
	err := t.store(n).View(ctx, func(tx backend.ReadTx) (err error) {
		if c, err = backend.ContentOf(tx); err != nil {
			return err
		}
		for l, err := range c.Leases {
			if err != nil {
				return err
			}
			leases = append(leases, l)
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.Leases = func(yield func(backend.Lease, error) bool) {
		for _, l := range leases {
			if !yield(l, nil) {
				return
			}
		}
	}
	written, err := dump.Write(w, n.name, kind, c)
	if err == nil {
		fmt.Fprintf(t.errs, "%s: wrote %s\n", n.name, count(written, "lease"))
	}
	return err
}
