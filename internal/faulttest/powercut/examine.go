//go:build linux

package powercut

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/migrate"
	"github.com/leasehold/leasehold/internal/stores"
)

// A question is about the store of an image.
type question struct {
	Network faulttest.Network
	Migrate string // to which kind of store, if at all
	Whole   bool   // whether the pool is to be leased to its end
}

// An answer says what the store holds, and what is wrong with it.
type answer struct {
	Kind    string
	Holding faulttest.Holding
	Torn    bool   // there was a cursor that is none
	Wrong   string // empty: nothing
}

// wrong returns what is wrong as an error.
func (a answer) wrong() error {
	if a.Wrong == "" {
		return nil
	}
	return errors.New(a.Wrong)
}

// patience is how long the lock of a store, which nobody has, may take.
const patience = 10 * time.Second

// examine answers a question.
func examine(q question) answer {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var a answer
	var err error
	if a.Kind, err = stores.Standing(q.Network.Path()); err == nil {
		a.Holding, a.Torn, err = sound(ctx, q.Network)
	}
	if err == nil {
		err = goesOn(ctx, q, a.Holding)
	}
	if err != nil {
		a.Wrong = err.Error()
	}
	return a
}

// sound returns what the store holds, of which everything has to be whole but for
// cursors: these are not synced, because a turn of the round-robin is all that is lost
// with one.
func sound(ctx context.Context, n faulttest.Network) (h faulttest.Holding, torn bool, err error) {
	h, err = n.Verify(ctx)
	if err == nil || !onlyCursors(err) {
		return h, false, err
	}
	if h, err = n.Holding(ctx); err != nil {
		return nil, true, err
	}
	// Whoever leases the next address writes it anew.
	return h, true, same(ctx, n, h, func() error { return comesAndGoes(n) })
}

func onlyCursors(err error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(joined.Unwrap(), func(err error) bool { return !onlyCursors(err) })
	}
	var at *fs.PathError
	if !errors.As(err, &at) {
		return false
	}
	set, ok := strings.CutPrefix(filepath.Base(at.Path), "last_reserved_ip.")
	return ok && backend.ValidSet(set) == nil
}

func comesAndGoes(n faulttest.Network) error {
	if _, err := n.Add("guest"); err != nil {
		return fmt.Errorf("ADD: %w", err)
	}
	if err := n.Del("guest"); err != nil {
		return fmt.Errorf("DEL: %w", err)
	}
	return nil
}

// same does something after which the store must hold the same.
func same(ctx context.Context, n faulttest.Network, h faulttest.Holding, do func() error) error {
	if err := do(); err != nil {
		return err
	}
	after, err := n.Verify(ctx)
	if err == nil && !maps.EqualFunc(h, after, slices.Equal) {
		err = fmt.Errorf("the store held %v, and then %v", h, after)
	}
	return err
}

// goesOn works with the store as nodes do.
func goesOn(ctx context.Context, q question, h faulttest.Holding) error {
	if err := same(ctx, q.Network, h, func() error { return comesAndGoes(q.Network) }); err != nil {
		return err
	}
	if q.Migrate != "" {
		if err := same(ctx, q.Network, h, func() error { return migrates(ctx, q) }); err != nil {
			return fmt.Errorf("migrate to %s: %w", q.Migrate, err)
		}
	}
	if !q.Whole {
		return nil
	}
	return q.Network.Exercise(ctx)
}

func migrates(ctx context.Context, q question) error {
	o := migrate.Options{To: q.Migrate, LockTimeout: patience, Now: time.Now()}
	if _, err := migrate.Run(ctx, q.Network.Path(), o); err != nil {
		return err
	}
	kind, err := stores.Standing(q.Network.Path())
	if err == nil && kind != q.Migrate {
		err = fmt.Errorf("there is a store of kind %q", kind)
	}
	if err != nil {
		return err
	}
	left, err := q.Network.Leftovers()
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("left behind: %v", left)
	}
	return err
}
