package allocator

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A History says which ended leases a store keeps. The zero History keeps none.
type History struct {
	// Keep is the number of ended leases to keep; with 0 the store keeps no history.
	Keep int

	// For is how long they are kept, after which they may be dropped; 0 is without limit.
	For time.Duration
}

// DefaultHistory returns the History of a store with which no Allocate has been called yet, such as one
// whose leases were moved from a store of another kind: 10,000 ended leases, for 30 days. They take at
// most 1.2 MB of a bolt store.
func DefaultHistory() History { return History{Keep: 10_000, For: 30 * 24 * time.Hour} }

// A policy is what the store remembers of the Options of the last Allocate, so that a release,
// whose caller need not know the configuration, keeps to them. The text is
// "keep=10000 for=720h0m0s reuse=30s"; unknown words are ignored. Without any text, no Allocate has
// said anything.
type policy struct {
	History
	Cooldown // without Strict

	assumed bool // no Allocate has said anything
}

// String does not use package fmt, because each Allocate calls it, and the first use of fmt in a
// process takes time.
func (p policy) String() string {
	words := []string{"keep=" + strconv.Itoa(p.Keep)}
	if p.Keep > 0 {
		words = append(words, "for="+p.For.String())
	}
	if p.ReuseAfter > 0 {
		words = append(words, "reuse="+p.ReuseAfter.String())
	}
	return strings.Join(words, " ")
}

// parsePolicy is the inverse of String. Whatever it does not understand is zero.
func parsePolicy(text string) (p policy) {
	if text == "" {
		return policy{History: DefaultHistory(), assumed: true}
	}
	for _, word := range strings.Fields(text) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "keep":
			p.Keep, _ = strconv.Atoi(value) // 0 if it is not a number
		case "for":
			p.For, _ = time.ParseDuration(value) // likewise
		case "reuse":
			p.ReuseAfter, _ = time.ParseDuration(value) // likewise
		}
	}
	return p
}

func policyOf(tx backend.ReadTx) (policy, error) {
	store, ok := tx.(backend.HistoryReadTx)
	if !ok {
		return policy{}, nil
	}
	text, err := store.Policy()
	if err != nil {
		return policy{}, err
	}
	return parsePolicy(text), nil
}

// HistoryOf returns the History of a store, zero if it keeps none.
func HistoryOf(tx backend.ReadTx) (History, error) {
	p, err := policyOf(tx)
	return p.History, err
}

// IsExpired reports whether an ended lease need not be kept any longer. A time that is ahead of
// the clock says nothing about the age.
func (h History) IsExpired(e backend.Ended, now time.Time) bool {
	return h.For > 0 && !e.Until.IsZero() && now.Sub(e.Until) > h.For
}

// set makes the store keep to this policy from now on, and reports whether that changes anything.
func (p policy) set(tx backend.Tx) (changed bool, err error) {
	store, ok := tx.(backend.HistoryTx)
	if !ok {
		return false, nil
	}
	text, err := store.Policy()
	if err != nil || text == p.String() {
		return false, err
	}
	return true, store.SetPolicy(p.String())
}

// Forget makes the history of a store forget who held the addresses, and when, of the ended leases
// for which match is true. It returns how many these are. It is one transaction, which reads the
// whole history: 10,000 ended leases take some milliseconds.
func Forget(ctx context.Context, store backend.Store, match func(backend.Ended) bool) (n int, err error) {
	err = store.Update(ctx, func(tx backend.Tx) error {
		if h, ok := tx.(backend.HistoryTx); ok {
			n, err = h.Forget(match)
		}
		return err
	})
	return n, err
}

// ForgetAll removes the ended leases from the history of a store, and returns how many these are.
// More than a few hundred take several transactions.
func ForgetAll(ctx context.Context, store backend.Store) (all int, err error) {
	for done := 0; err == nil && done <= all; done += maxPortion {
		err = store.Update(ctx, func(tx backend.Tx) error {
			h, ok := tx.(backend.HistoryTx)
			if !ok {
				return nil
			}
			if done == 0 {
				if all, err = h.HistoryLen(); err != nil {
					return err
				}
			}
			return h.DropOldest(min(maxPortion, all-done))
		})
		if err == nil {
			err = pause(ctx, done+maxPortion < all)
		}
	}
	return all, err
}

// An ending ends leases in a transaction, for one cause: it records them in the history of the
// store, and their addresses cool.
type ending struct {
	tx    backend.Tx
	cause backend.Cause
	at    time.Time

	despite bool              // damage of what is remembered: see unlessLost
	store   backend.HistoryTx // nil if it keeps no history
	policy  policy
	begun   bool
	ended   int // how many leases
}

// endingIn returns an ending at the present time, of leases that have to end.
func endingIn(tx backend.Tx, cause backend.Cause) *ending {
	return &ending{tx: tx, cause: cause, at: time.Now(), despite: true}
}

// end deletes a lease and records that it has ended. A torn lease has no holder to record.
func (e *ending) end(l backend.Lease) error {
	if err := e.tx.Delete(l.Addr); err != nil {
		return err
	}
	return e.record(l)
}

// record records that a lease has ended, which was deleted.
func (e *ending) record(l backend.Lease) error {
	if err := e.begin(); err != nil || e.store == nil {
		return err
	}
	if err := e.cool(l); err != nil {
		return err
	}
	if !isTorn(l) { // A torn lease has no known holder, and was not counted when it was made.
		if err := e.remember(l); err != nil {
			return err
		}
	}
	if e.ended++; e.ended%trimInterval != 1 {
		return nil
	}
	return e.trim()
}

// remember counts a lease that has ended and, if it can, adds it to the history.
func (e *ending) remember(l backend.Lease) error {
	var one backend.Counts
	one.Ended[e.cause] = 1
	recorded := false
	if e.policy.Keep > 0 {
		err := e.store.Record(backend.Ended{Lease: l, Until: e.at.UTC(), Cause: e.cause})
		if recorded = err == nil; !recorded {
			if err = e.unlessLost(err); err != nil {
				return err
			}
		}
	}
	if !recorded {
		one.Gap = e.at
	}
	return count(e.tx, one)
}

// count adds to the counts of a store that has any.
func count(tx backend.Tx, more backend.Counts) error {
	store, ok := tx.(backend.HistoryTx)
	if !ok {
		return nil
	}
	return store.Count(more)
}

// all ends leases, and returns the first error.
func (e *ending) all(leases []backend.Lease) error {
	for _, l := range leases {
		if err := e.end(l); err != nil {
			return err
		}
	}
	return nil
}

// begin reads, once, the policy of the store.
func (e *ending) begin() (err error) {
	if e.begun {
		return nil
	}
	e.begun = true
	e.store, _ = e.tx.(backend.HistoryTx)
	if e.store != nil {
		e.policy, err = policyOf(e.store)
	}
	return e.unlessLost(err)
}

// With the first lease that an ending ends, and then with each trimInterval-th, at most trimPortion
// old ended leases are dropped. These are more than are recorded meanwhile, so that a smaller
// History takes effect in time, and few, so that no command takes long.
const (
	trimInterval = 2
	trimPortion  = 4
)

// trim drops some of the ended leases that need not be kept any longer, the oldest first. It drops none
// before an Allocate has said how many to keep: an imported history can be longer than the default.
func (e *ending) trim() error {
	if e.policy.assumed {
		return nil
	}
	n, err := e.store.HistoryLen()
	if err != nil {
		return e.unlessLost(err)
	}
	excess := min(n-e.policy.Keep, trimPortion)
	if excess < 1 && n > 0 {
		excess, err = e.expired()
	}
	if err != nil || excess < 1 {
		return e.unlessLost(err)
	}
	return e.unlessLost(e.store.DropOldest(excess))
}

// expired counts the oldest ended leases that are too old, up to trimPortion.
func (e *ending) expired() (n int, err error) {
	for old, err := range e.store.History() {
		if err != nil || n == trimPortion || !e.policy.IsExpired(old, e.at) {
			return n, err
		}
		n++
	}
	return n, nil
}

// unlessLost drops the error of a full disk and, if the leases have to end, of a damaged history: a
// container that cannot be deleted is worse than an ended lease that is not recorded, and verify reports
// the damage. Where the damage reaches leases, the transaction fails by itself.
func (e *ending) unlessLost(err error) error {
	if e.despite && errors.Is(err, backend.ErrDamaged) {
		return nil
	}
	return unlessFull(err)
}

// unlessFull drops the error of a full disk: a lease ends all the same, without being recorded.
func unlessFull(err error) error {
	if errors.Is(err, backend.ErrNoSpace) {
		return nil
	}
	return err
}
