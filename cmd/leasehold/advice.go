package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/migrate"
)

// advice returns what to do next after an error, or an empty string where the error
// says so itself.
func (t *tool) advice(err error) string {
	name, lock := "NETWORK", "LOCK"
	if e := (*networkError)(nil); errors.As(err, &e) {
		name, lock = e.network.name, e.network.busyLock(err)
	}
	var (
		link   *exchange.LinkError
		future *futureListError
		change *exchange.ChangedError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case errors.As(err, &link):
		return link.Advice()
	case errors.Is(err, exchange.ErrUnderway):
		return "the same command again, once the migration is done"
	case errors.As(err, &change):
		return "let all plugins reach the network by one mount, or stop the runtimes that use another (FUSE) meanwhile; then the same command again"
	case errors.As(err, &future):
		return "make the list anew, or pipe it (--valid -); if the clock is wrong, set it first"
	case errors.Is(err, backend.ErrBusy):
		return "try again, or wait longer with --lock-timeout; to see who holds the lock: fuser -v " + lock
	case errors.Is(err, migrate.ErrLoss):
		return fmt.Sprintf("compare with an export, or with what the runtime says is running; then: leasehold%s verify --repair --accept-loss %s", t.sameFlags(), name)
	case errors.Is(err, backend.ErrReplaced):
		return fmt.Sprintf("mount the data directory rather than the network in it, or restart what has the old mount; "+
			"if a migration was killed and .leasehold was removed since, this store is the only one, and has all leases; to use it then, or all the same "+
			"though another may have leased its addresses since: leasehold%s verify --repair --accept-loss %s", t.sameFlags(), name)
	case errors.Is(err, errStray):
		return "see whose it is, and move it away: a file in a data directory is taken for a store"
	case errors.Is(err, backend.ErrFormat):
		return "use the version of leasehold that wrote the store, or a later one"
	case errors.Is(err, backend.ErrDamaged):
		return fmt.Sprintf("to see what is wrong: leasehold%[1]s verify %[2]s; to mend it: leasehold%[1]s verify --repair %[2]s", t.sameFlags(), name)
	case errors.Is(err, fs.ErrPermission):
		return permission(err, os.Geteuid())
	}
	return ""
}

// permission says who may do what a user may not.
func permission(err error, user int) string {
	if user == 0 {
		return "not even root may: look at how the file system is mounted, at lsattr, and at the log of SELinux or AppArmor"
	}
	var at *fs.PathError
	if !errors.As(err, &at) {
		return "run it as root"
	}
	// What is there, or else the directory in which something was to be made or looked at.
	for path := at.Path; ; path = filepath.Dir(path) {
		if info, err := os.Stat(path); err == nil {
			return "run it as root" + belongs(path, info)
		} else if path == filepath.Dir(path) {
			return "run it as root"
		}
	}
}
