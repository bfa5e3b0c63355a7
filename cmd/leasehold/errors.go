package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/migrate"
)

// A networkError is an error that says which network it is about.
type networkError struct {
	network network
	err     error
}

func (e *networkError) Error() string { return e.network.name + ": " + e.err.Error() }
func (e *networkError) Unwrap() error { return e.err }

// A reworded error is one in words for people.
type reworded struct {
	text string
	err  error
}

func (e *reworded) Error() string { return e.text }
func (e *reworded) Unwrap() error { return e.err }

// errStray says that what stands in the place of a store never was one.
var errStray = errors.New("this file is no lease store")

// isStray reports whether a file that never was a store stands in the place of one.
func (n network) isStray() bool {
	kind, err := n.kind()
	return err == nil && kind == config.Bolt && bolt.IsStray(n.path)
}

// inNetwork returns err as one about a network.
func (t *tool) inNetwork(n network, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		err = &reworded{"interrupted", err}
	case errors.Is(err, exchange.ErrUnderway):
		// It has not waited.
	case errors.Is(err, backend.ErrBusy):
		err = &reworded{fmt.Sprintf("%s: %v: waited %v for it", n.busyLock(err), backend.ErrBusy, t.lockTimeout), err}
	case (errors.Is(err, backend.ErrDamaged) || errors.Is(err, migrate.ErrLoss)) && n.isStray():
		err = fmt.Errorf("%s: %w", n.path, errStray)
	}
	return &networkError{n, err}
}

// lockPath returns the file whose lock plugins take.
func (n network) lockPath() string {
	if kind, err := n.kind(); err == nil && kind == config.Files {
		return filepath.Join(n.path, "lock")
	}
	return n.path
}

// busyLock returns the file whose lock was waited for in vain.
func (n network) busyLock(err error) string {
	if b := (*migrate.BusyError)(nil); errors.As(err, &b) {
		return b.Lock
	}
	return n.lockPath()
}

// flagPath returns an error about the path that a flag has, without the name of a system
// call.
func flagPath(flag string, err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return &reworded{fmt.Sprintf("%s %s: %v", flag, p.Path, p.Err), err}
	}
	return fmt.Errorf("%s: %w", flag, err)
}

// complain writes an error, and what to do next where that is known. Where several
// networks have one, each is told of by itself.
func (t *tool) complain(err error) {
	for _, err := range single(err) {
		t.warn("%s", strings.TrimSpace(err.Error()))
		t.next(t.advice(err))
	}
}

// single takes apart what errors.Join has joined, down to what is about one network.
func single(err error) (all []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if n := (*networkError)(nil); !ok || !errors.As(err, &n) {
		return []error{err}
	}
	for _, err := range joined.Unwrap() {
		all = append(all, single(err)...)
	}
	return all
}
