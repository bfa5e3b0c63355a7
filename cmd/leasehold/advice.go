package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/migrate"
)

// A networkError is an error that says which network it is about.
type networkError struct {
	network network
	err     error
}

func (e *networkError) Error() string { return e.network.name + ": " + e.err.Error() }
func (e *networkError) Unwrap() error { return e.err }

// inNetwork returns err as one about a network.
func inNetwork(n network, err error) error {
	if err == nil {
		return nil
	}
	return &networkError{n, err}
}

// advice returns what to do next after an error, or an empty string where the error
// says so itself.
func (t *tool) advice(err error) string {
	name, lock := "NETWORK", "LOCK"
	if e := (*networkError)(nil); errors.As(err, &e) {
		name, lock = e.network.name, e.network.lockPath()
	}
	switch {
	case errors.Is(err, backend.ErrBusy):
		return "try again, or wait longer with --lock-timeout; to see who holds the lock: fuser -v " + lock
	case errors.Is(err, migrate.ErrLoss):
		return fmt.Sprintf("compare with an export, or with what the runtime says is running; then: leasehold%s verify --repair --accept-loss %s", t.sameFlags(), name)
	case errors.Is(err, backend.ErrFormat):
		return "use the version of leasehold that wrote the store, or a later one"
	case errors.Is(err, backend.ErrDamaged):
		return fmt.Sprintf("to see what is wrong: leasehold%[1]s verify %[2]s; to mend it: leasehold%[1]s verify --repair %[2]s", t.sameFlags(), name)
	case errors.Is(err, fs.ErrPermission):
		return "run it as root"
	}
	return ""
}

// lockPath returns the file whose lock plugins take.
func (n network) lockPath() string {
	if kind, err := n.kind(); err == nil && kind == config.Files {
		return filepath.Join(n.path, "lock")
	}
	return n.path
}

func presentBoot() string { return boot.Current().ID }
