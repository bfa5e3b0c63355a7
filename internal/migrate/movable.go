package migrate

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
)

// checkMovable returns an error if the store at path cannot be replaced, or not without taking away
// what does not belong to it.
func checkMovable(path, kind string) error {
	if err := exchange.At(path).CheckMount(); err != nil || kind != config.Files {
		return err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(path, e.Name())
		if _, err := netip.ParseAddr(e.Name()); err == nil || e.Name() == exchange.StoreLock || e.Name() == exchange.MovedLock {
			continue // Reading a directory in place of a lease has an error of its own.
		}
		var what string
		switch {
		case e.IsDir():
			what = "a directory"
		case isBoltStore(e, name):
			what = "a bolt store"
		default:
			continue
		}
		return fmt.Errorf("%s is %s, and would leave with the store; if another network has its leases there, "+
			"stop its containers, move it, and change \"dataDir\" of that network", name, what)
	}
	return nil
}

// isBoltStore reports whether a file can be the store of a network. One that is empty has no lease.
func isBoltStore(e fs.DirEntry, path string) bool {
	info, err := e.Info()
	return err == nil && info.Mode().IsRegular() && info.Size() > 0 && !bolt.IsStray(path)
}
