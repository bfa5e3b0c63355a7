package migrate

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

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
		_, notAddr := netip.ParseAddr(e.Name()) // Reading a directory in place of a lease has an error of its own.
		if e.IsDir() && notAddr != nil && e.Name() != exchange.StoreLock && e.Name() != exchange.MovedLock {
			return fmt.Errorf("%s is a directory, and would leave with the store; if another network has its leases there, "+
				"stop its containers, move the directory, and change \"dataDir\" of that network", filepath.Join(path, e.Name()))
		}
	}
	return nil
}
