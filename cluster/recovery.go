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
		return fmt.Errorf("%w: space %s is not halted", ErrConflict, space)
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

// Recovered ends the recovery of a space. It returns [ErrConflict], and names them, if there are hosts
// that have neither reported nor been evicted.
func (a *Admin) Recovered(ctx context.Context, space string) error {
	s, err := a.state(ctx, space)
	switch {
	case err != nil:
		return err
	case s.halt == nil:
		return fmt.Errorf("%w: space %s is not halted", ErrConflict, space)
	case s.halt.Recovery == 0:
		return fmt.Errorf("%w; its recovery was not begun", halted(*s.halt))
	}
	if err := a.checkReported(ctx, space, s.halt.Recovery); err != nil {
		return err
	}
	if err := a.CheckRecovering(ctx, space, *s.halt); err != nil {
		return err
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

// checkReported returns ErrConflict unless all hosts have reported or were evicted.
func (a *Admin) checkReported(ctx context.Context, space string, recovery uint64) error {
	hosts, err := a.Hosts(ctx, space)
	if err != nil {
		return err
	}
	var missing []string
	for _, h := range hosts {
		switch {
		case h.Evicted, h.Reported == recovery:
		case len(h.Disputes) > 0:
			missing = append(missing, fmt.Sprintf("%s (%s)", h.Name, strings.Join(h.Disputes, "; ")))
		default:
			missing = append(missing, h.Name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: hosts that have not reported what they hold, and were not evicted: %s", ErrConflict, strings.Join(missing, ", "))
	}
	return nil
}
