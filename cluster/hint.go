package cluster

import (
	"context"
	"strings"
	"time"
)

// A Hinter is an [Engine] that can keep a key for a while. What hosts tell each other in that way
// decides nothing: it can be lost, or late.
type Hinter interface {
	// Hint writes a key, which the engine removes after ttl, or somewhat later.
	Hint(ctx context.Context, key string, ttl time.Duration) error
}

// wantFor is how long a host that has found no free block is known to want one. It asks again with
// each attempt.
const wantFor = time.Minute

// Hint tells the other hosts that this one wants blocks and finds no free one. Hosts that see it
// ([Member.IsWanted]) give back what they do not use. With an engine that is no [Hinter] it does
// nothing.
func (m *Member) Hint(ctx context.Context) error {
	hinter, ok := m.engine.(Hinter)
	if !ok {
		return nil
	}
	local, err := m.membership(ctx)
	if err != nil {
		return err
	}
	return hinter.Hint(ctx, m.keys(local).want(local.Host), wantFor)
}

// IsWanted reports whether another host wants blocks and finds none that is free.
func (m *Member) IsWanted(ctx context.Context) (bool, error) {
	local, err := m.membership(ctx)
	if err != nil {
		return false, err
	}
	prefix := m.keys(local).want("")
	entries, err := m.engine.Range(ctx, prefix, after(prefix), true)
	for _, e := range entries {
		if strings.TrimPrefix(e.Key, prefix) != local.Host {
			return true, nil
		}
	}
	return false, err
}
