// Package target says what the stock plugin's tests are put to: a plugin, and a store.
//
// The tests read and write lease files. For bolt, each call of the plugin is between two
// migrations, to a bolt file and back. So a test reads what was in the bolt file, and what
// it writes gets into it.
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

// The environment of the tests.
const (
	PluginVar  = "TARGET_PLUGIN"  // the executable
	BackendVar = "TARGET_BACKEND" // the store; empty for a plugin that has no choice
)

// Plugin returns the path of the executable.
func Plugin() string { return os.Getenv(PluginVar) }

// Backend returns the name of the store, or an empty string.
func Backend() string { return os.Getenv(BackendVar) }

// Do calls fn while the store at path, if there is one, is of the kind that the tests are
// put to. Before and afterwards it is a directory.
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
// replaced store, because the tests clean up only what they know of.
func move(path, kind string) error {
	standing, err := stores.Standing(path)
	if err != nil || standing == stores.None || standing == kind {
		return err
	}
	o := migrate.Options{To: kind, LockTimeout: time.Minute, Now: time.Now()}
	if _, err := migrate.Run(context.Background(), path, o); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(filepath.Dir(path), ".leasehold"))
}
