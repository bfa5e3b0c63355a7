package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/migrate"
	"github.com/leasehold/leasehold/internal/shell"
	"github.com/leasehold/leasehold/internal/stores"
)

// advice returns what to do next after an error, or an empty string if the error says that
// itself.
func (t *tool) advice(err error) string {
	name, lock := "NETWORK", "LOCK"
	e := (*networkError)(nil)
	ofNetwork := errors.As(err, &e)
	if ofNetwork {
		name, lock = e.network.word(), e.network.busyLock(err)
	}
	var (
		link   *exchange.LinkError
		future *futureListError
		taken  conflictsError
		change *exchange.ChangedError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case errors.As(err, &link):
		return link.Advice()
	case errors.Is(err, exchange.ErrUnderway):
		return "run the same command again when the migration is done"
	case errors.As(err, &change):
		return "let all plugins use the same mount of the network, or stop the runtimes that use another mount (FUSE); then run the same command again"
	case errors.As(err, &future):
		return "write the list again, or pipe it (--valid -); if the clock is wrong, set it first"
	case errors.As(err, &taken):
		return fmt.Sprintf("if the container in the store is gone, run: leasehold%s release %s ADDRESS, and import again; if the one in the export is gone, import with --skip-conflicts", t.sameFlags(), name)
	case errors.Is(err, backend.ErrBusy):
		return "try again, or wait longer with --lock-timeout; to see who holds the lock: fuser -v " + shell.Quote(lock)
	case errors.Is(err, migrate.ErrLoss):
		return fmt.Sprintf("compare with an export, or with the containers that the runtime lists; then run: leasehold%s verify --repair --accept-loss %s", t.sameFlags(), name)
	case errors.Is(err, backend.ErrReplaced):
		return fmt.Sprintf("mount the data directory instead of the network in it, or restart the process that has the old mount; "+
			"if a migration was killed and .leasehold was removed since, this store is the only one and has all leases; to use it in that case, "+
			"or although the other store may have leased its addresses since, run: leasehold%s verify --repair --accept-loss %s", t.sameFlags(), name)
	case errors.Is(err, errStray):
		return "find out which program made it, and move it out of the data directory: a file there is taken for a store"
	case errors.Is(err, errPart):
		return `leave it there; if a configuration has a network of that name, give it another "dataDir"`
	case errors.Is(err, backend.ErrFormat):
		return "use the version of leasehold that wrote the store, or a later one"
	case errors.Is(err, files.ErrForeign):
		return "" // It has the next step.
	case errors.Is(err, backend.ErrDamaged):
		return fmt.Sprintf("to see what is wrong: leasehold%[1]s verify %[2]s; to repair it: leasehold%[1]s verify --repair %[2]s", t.sameFlags(), name)
	case errors.Is(err, fs.ErrPermission):
		return permission(err, os.Geteuid())
	case ofNetwork: // Otherwise it need not be the file system of a store.
		return stores.DiskAdvice(err, fmt.Sprintf("leasehold%s verify %s", t.sameFlags(), name))
	}
	return ""
}

// permission returns the advice for a permission error of a user.
func permission(err error, user int) string {
	if user == 0 {
		return "root lacks permission too: check the mount options of the file system, lsattr, and the logs of SELinux or AppArmor"
	}
	var at *fs.PathError
	if !errors.As(err, &at) {
		return "run it as root"
	}
	// If the file does not exist, the nearest directory above it is what denies access.
	for path := at.Path; ; path = filepath.Dir(path) {
		if info, err := os.Stat(path); err == nil {
			return "run it as root" + ownership(path, info)
		} else if path == filepath.Dir(path) {
			return "run it as root"
		}
	}
}
