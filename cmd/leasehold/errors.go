package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/migrate"
)

// A networkError is an error about one network.
type networkError struct {
	network network
	err     error
}

func (e *networkError) Error() string { return e.network.name + ": " + e.err.Error() }
func (e *networkError) Unwrap() error { return e.err }

// A rewordedError replaces the text of an error.
type rewordedError struct {
	text string
	err  error
}

func (e *rewordedError) Error() string { return e.text }
func (e *rewordedError) Unwrap() error { return e.err }

// errStray says that the file at the path of a store never was a store.
var errStray = errors.New("this file is not a lease store")

// errPart says that the file at the path of a store is a file of another store: the data directory is itself one.
var errPart = errors.New("this file is a part of the files store in its directory")

// notStore returns errStray or errPart if that is so, and otherwise nil.
func (n network) notStore() error {
	kind, err := n.kind()
	switch {
	case err != nil || kind != config.Bolt:
		return nil // A command that opens the store returns the error.
	case isPart(n.path):
		return errPart
	case bolt.IsStray(n.path):
		return errStray
	}
	return nil
}

// isPart reports whether a file is one of a files store, such as its lock, and cannot be a bolt store.
func isPart(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && (info.Size() == 0 || bolt.IsStray(path)) && files.IsPart(path)
}

// inNetwork returns err as an error about a network.
func (t *tool) inNetwork(n network, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		err = &rewordedError{"interrupted", err}
	case errors.Is(err, exchange.ErrUnderway):
		// This error comes at once, so a text with the waiting time would be wrong.
	case errors.Is(err, backend.ErrBusy):
		err = &rewordedError{fmt.Sprintf("%s: %v: waited %v for it", n.busyLock(err), backend.ErrBusy, t.lockTimeout), err}
	case errors.Is(err, backend.ErrDamaged) || errors.Is(err, migrate.ErrLoss):
		if why := n.notStore(); why != nil {
			err = fmt.Errorf("%s: %w", n.path, why)
		}
	}
	return &networkError{n, err}
}

// lockPath returns the file that plugins lock.
func (n network) lockPath() string {
	if kind, err := n.kind(); err == nil && kind == config.Files {
		return filepath.Join(n.path, "lock")
	}
	return n.path
}

// busyLock returns the file whose lock could not be obtained in time.
func (n network) busyLock(err error) string {
	if b := (*migrate.BusyError)(nil); errors.As(err, &b) {
		return b.Lock
	}
	return n.lockPath()
}

// flagPath returns an error about the path in a flag, without the name of a system call.
func flagPath(flag string, err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return &rewordedError{fmt.Sprintf("%s %s: %v", flag, p.Path, p.Err), err}
	}
	return fmt.Errorf("%s: %w", flag, err)
}

// printError prints an error and, if there is advice, what to do next. Errors about several
// networks are printed one by one, each with its advice.
func (t *tool) printError(err error) {
	for _, err := range splitByNetwork(err) {
		t.warn("%s", strings.TrimSpace(err.Error()))
		t.printNext(t.advice(err))
	}
}

// splitByNetwork splits joined errors into errors about one network each. Errors that are not
// about networks stay together.
func splitByNetwork(err error) (all []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if n := (*networkError)(nil); !ok || !errors.As(err, &n) {
		return []error{err}
	}
	for _, err := range joined.Unwrap() {
		all = append(all, splitByNetwork(err)...)
	}
	return all
}
