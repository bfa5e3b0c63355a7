package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Recover begins the recovery of a space that is halted, because its engine has lost what hosts had
// done; if the engine is restored meanwhile, Recover begins it again. Each host that was attested in its present boot reports what it holds when it next makes a
// request, whatever that is. The others, and those that are gone, are to be evicted. When no host is
// left that has neither reported nor been evicted, [Admin.Recovered] ends the recovery.
//
// The engine may have forgotten hosts: the caller has made sure that all which run have reported.
func (a *Admin) Recover(ctx context.Context, space string) error {
	s, err := a.state(ctx, space)
	switch {
	case err != nil:
		return err
	case s.halt == nil:
		return fmt.Errorf("%w: %s", ErrNotHalted, space)
	}
	origin, err := a.engine.Origin(ctx)
	if err != nil || s.halt.isRecovering(origin) {
		return err
	}
	s.halt.Recovery, s.halt.Accepted = newRecovery(max(s.config.Recovery, s.halt.Recovery)), origin.accepted()
	if err := a.pad(ctx, keysOf(a.prefix, space), s.halt.Accepted); err != nil {
		return err
	}
	out, err := a.engine.Commit(ctx, Txn{
		If: []Condition{At(s.halting)}, Then: []Op{Put(s.halting.Key, encode(s.halt))},
	})
	if err == nil && !out.Held {
		err = fmt.Errorf("%w: the halt of space %s", ErrConflict, space)
	}
	return err
}

// newRecovery returns a number for a recovery that begins now, or for a space that is made now. It is the time in
// microseconds, because servers that are restored forget earlier numbers: counted from what they know, two
// recoveries would have the same one.
func newRecovery(last uint64) uint64 {
	return max(last+1, uint64(max(time.Now().UnixMicro(), 0)))
}

// Recovered ends the recovery of a space. It returns [ErrUnreported], and names them, if there are hosts
// that have neither reported nor been evicted, and [ErrNotHalted] if there is nothing to recover.
func (a *Admin) Recovered(ctx context.Context, space string) error {
	s, err := a.state(ctx, space)
	if err != nil {
		return err
	}
	r, err := a.recovery(ctx, space, s)
	switch {
	case err != nil:
		return err
	case !r.Begun:
		return fmt.Errorf("%w; its recovery was not begun", halted(*s.halt))
	case len(r.Missing) > 0:
		return fmt.Errorf("%w: %s", ErrUnreported, strings.Join(describe(r.Missing), ", "))
	}
	s.config.Accepted = s.halt.Accepted // Whatever is lost after this shows.
	s.config.Recovery = s.halt.Recovery
	out, err := a.engine.Commit(ctx, Txn{
		If:   []Condition{At(s.configure), At(s.halting)},
		Then: []Op{Put(s.configure.Key, encode(s.config)), Delete(s.halting.Key)},
	})
	if err == nil && !out.Held {
		err = fmt.Errorf("%w: the halt of space %s", ErrConflict, space)
	}
	return err
}

// CheckRecovering returns [ErrConflict] if the engine was restored since the recovery of a space was begun, of
// which halt is the record: what hosts have reported does not count then.
func (a *Admin) CheckRecovering(ctx context.Context, space string, halt HaltRecord) error {
	origin, err := a.engine.Origin(ctx)
	if err == nil && halt.Recovery != 0 && !halt.isRecovering(origin) {
		err = fmt.Errorf("%w: the servers were restored again; begin the recovery of space %s again", ErrConflict, space)
	}
	return err
}

// A Recovery is how far the recovery of a space is.
type Recovery struct {
	// Begun is false if the space is halted, and its recovery has yet to be begun: no host can report before.
	Begun bool

	// Reported are the hosts that have reported what they hold.
	Reported []Host

	// Missing are the hosts that have neither reported nor been evicted.
	Missing []Host

	// Evicted are the hosts that the engine knows to have been evicted before the recovery was begun. It may have
	// forgotten that one has joined again since; what that holds is in no list then, until it has reported.
	Evicted []Host
}

// Recovery returns how far the recovery of a space is. It returns [ErrNotHalted] if there is nothing to recover, and
// [ErrConflict] as [Admin.CheckRecovering] does.
func (a *Admin) Recovery(ctx context.Context, space string) (Recovery, error) {
	s, err := a.state(ctx, space)
	if err != nil {
		return Recovery{}, err
	}
	return a.recovery(ctx, space, s)
}

func (a *Admin) recovery(ctx context.Context, space string, s state) (r Recovery, err error) {
	if s.halt == nil {
		return r, fmt.Errorf("%w: %s", ErrNotHalted, space)
	}
	if err := a.CheckRecovering(ctx, space, *s.halt); err != nil {
		return r, err
	}
	hosts, err := a.Hosts(ctx, space)
	r.Begun = s.halt.Recovery != 0
	for _, h := range hosts {
		switch {
		case h.Evicted && !h.Foreign && h.entry.Revision < s.halting.Revision:
			r.Evicted = append(r.Evicted, h)
		case h.Evicted:
		case r.Begun && h.Reported == s.halt.Recovery:
			r.Reported = append(r.Reported, h)
		default:
			r.Missing = append(r.Missing, h)
		}
	}
	return r, err
}

// describe returns the names of hosts that have not reported, with what keeps each from that.
func describe(missing []Host) (texts []string) {
	for _, h := range missing {
		text := h.Name
		if len(h.Disputes) > 0 {
			text += " (" + strings.Join(h.Disputes, "; ") + ")"
		}
		texts = append(texts, text)
	}
	return texts
}
