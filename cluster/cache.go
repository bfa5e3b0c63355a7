package cluster

import (
	"context"
	"encoding/json"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// A Cache keeps what a host has last seen of the engine, so that its next claim need not ask for that
// first. Nothing depends on it: what it returns can be old, lost, or of another store. A request is done
// only if the engine still has what it is based on, and otherwise the host asks.
//
// It is used by one call of a [Member] at a time.
type Cache interface {
	// Get returns what was last set, or nil.
	Get() []byte

	// Set replaces it.
	Set(text []byte)
}

// A sight is what the engine had after the last request of a host. The space was not halted.
type sight struct {
	Of           backend.Membership // after that request
	Config, Host Entry
	Origin       Origin
	Free         []netip.Addr // the first addresses of some blocks that no host held
}

// remember keeps what the engine has for the next claim.
func (m *Member) remember(local backend.Membership, v view) {
	if m.opts.Cache == nil {
		return
	}
	text, err := json.Marshal(sight{local, v.agreed, v.host, v.origin, v.free})
	if err != nil {
		text = nil // The next claim asks.
	}
	m.opts.Cache.Set(text)
}

// recall returns what [Member.attested] would if nothing has changed since the last request of this host.
// It reports false if it knows of a change.
func (m *Member) recall(ctx context.Context) (local backend.Membership, v view, ok bool) {
	if m.opts.Cache == nil {
		return local, v, false
	}
	var s sight
	if json.Unmarshal(m.opts.Cache.Get(), &s) != nil {
		return local, v, false
	}
	var ours map[netip.Addr]bool
	err := m.store.View(ctx, func(tx backend.ReadTx) (err error) {
		if local, err = tx.Membership(); err == nil {
			ours, err = blocksOf(tx)
		}
		return err
	})
	if err != nil || local != s.Of || local.Intent != (backend.Intent{}) || local.Stopped != "" || local.Attested != m.opts.Boot {
		return local, v, false
	}
	v = view{agreed: s.Config, host: s.Host, revision: local.Seen.Revision, origin: s.Origin, ours: ours, free: s.Free}
	if decode(v.agreed, &v.config, &v.config.V) != nil || decode(v.host, &v.record, &v.record.V) != nil {
		return local, v, false
	}
	ok = v.record.incarnation() == local.Incarnation && v.record.Sequence == local.Sequence && v.isWhole(local)
	return local, v, ok
}
