package cluster

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/leasehold/leasehold/backend"
)

// A view is what the engine has of a space and a host, at one moment.
type view struct {
	config   Config
	agreed   Entry       // of config
	halt     *HaltRecord // nil if the space is not halted
	halting  Entry       // of halt
	host     Entry
	record   HostRecord // zero if the engine has no record
	revision int64
	origin   Origin

	// For a claim: the blocks of this host, and some that no host held lately.
	ours map[netip.Addr]bool
	free []netip.Addr
}

// look returns what the engine has. The origin is asked for last, so it is the origin of all that
// was read.
func (m *Member) look(ctx context.Context, local backend.Membership) (v view, err error) {
	k := m.keys(local)
	out, err := m.engine.Commit(ctx, Txn{Then: []Op{Get(k.config()), Get(k.halt()), Get(k.host(local.Host))}})
	if err != nil {
		return v, err
	}
	v.agreed, v.halting, v.host, v.revision = out.Results[0].Entry, out.Results[1].Entry, out.Results[2].Entry, out.Revision
	if v.origin, err = m.engine.Origin(ctx); err != nil {
		return v, err
	}
	if v.agreed.Revision == 0 {
		return v, fmt.Errorf("%w: %s", ErrNoSpace, local.Space)
	}
	if err := decode(v.agreed, &v.config, &v.config.V); err != nil {
		return v, err
	}
	if v.isOther(local) {
		return v, fmt.Errorf("%w: %s", ErrOtherSpace, local.Space)
	}
	if v.halt, err = decodeHalt(v.halting); err != nil {
		return v, err
	}
	if v.host.Revision != 0 {
		err = decode(v.host, &v.record, &v.record.V)
	}
	return v, err
}

// isOther reports whether the engine has another space than that in which the host was seen.
func (v view) isOther(local backend.Membership) bool {
	id := parseMark(v.config.ID)
	return id != backend.Mark{} && local.Seen.Space != backend.Mark{} && id != local.Seen.Space
}

// notMember returns why a host is to stop of which the engine has no record, or not as of a member.
func (v view) notMember(local backend.Membership) string {
	switch {
	case v.host.Revision == 0:
		return stoppedUnknown
	case v.record.incarnation() != local.Incarnation:
		return stoppedReplaced
	}
	return stoppedEvicted
}
