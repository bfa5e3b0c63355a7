package host

import (
	"errors"
	"sync"

	"github.com/leasehold/leasehold/cluster/etcd"
	"github.com/leasehold/leasehold/cluster/internal/settings"
)

// Engines keeps the connections to servers for many Hosts, one after the other or at once. The zero
// Engines has none. It is safe for concurrent use.
type Engines struct {
	mu     sync.Mutex
	byPath map[string]*engine
}

// An engine is a connection, and how many Hosts use it.
type engine struct {
	*etcd.Engine
	digest  [32]byte
	users   int
	retired bool // closed once no Host uses it
}

// use returns the connection for the settings: another one when they have changed, as certificates do
// before they expire. release is called when it is not used any more.
func (e *Engines) use(s *settings.Settings) (used *etcd.Engine, release func() error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	found := e.byPath[s.Path]
	if found == nil || found.digest != s.Digest {
		if found != nil {
			found.retired = true
			if found.users == 0 {
				_ = found.Close() // What it was asked for is done.
			}
		}
		found = &engine{Engine: etcd.New(s.Etcd), digest: s.Digest}
		if e.byPath == nil {
			e.byPath = make(map[string]*engine)
		}
		e.byPath[s.Path] = found
	}
	found.users++
	return found.Engine, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		if found.users--; found.users > 0 || !found.retired {
			return nil
		}
		return found.Close()
	}
}

// Close closes the connections. No Host uses one any more.
func (e *Engines) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var failed error
	for _, one := range e.byPath {
		failed = errors.Join(failed, one.Close())
	}
	e.byPath = nil
	return failed
}
