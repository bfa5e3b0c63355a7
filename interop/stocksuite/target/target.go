// Package target names the plugin and the store that the stock plugin's tests run with.
//
// The tests read and write lease files. For bolt, each call of the plugin is therefore
// preceded by a migration to bolt and followed by one back, so that the tests read what was
// in the bolt file, and what they write gets into it.
package target

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/migrate"
	"github.com/leasehold/leasehold/internal/stores"
)

// Environment variables for the tests.
const (
	PluginVar  = "TARGET_PLUGIN"  // the executable
	BackendVar = "TARGET_BACKEND" // the store; "" for a plugin without a choice
)

// Plugin returns the path of the executable.
func Plugin() string { return os.Getenv(PluginVar) }

// Backend returns the name of the store, or "".
func Backend() string { return os.Getenv(BackendVar) }

// Do calls fn while the store at path, if there is one, is of the kind under test. Before
// and afterwards it is a directory.
func Do(path string, fn func() error) error {
	if Backend() != config.Bolt {
		return fn()
	}
	if err := move(path, config.Bolt); err != nil {
		return err
	}
	if err := fn(); err != nil {
		return errors.Join(err, move(path, config.Files))
	}
	return move(path, config.Files)
}

// move migrates the store at path, if there is one, to the given kind. It removes the
// replaced store, because the tests remove only the files they know.
func move(path, kind string) error {
	existing, err := stores.KindAt(path)
	if err != nil || existing == stores.None || existing == kind {
		return err
	}
	o := migrate.Options{To: kind, LockTimeout: time.Minute, Now: time.Now()}
	if _, err := migrate.Run(context.Background(), path, o); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(filepath.Dir(path), ".leasehold"))
}
