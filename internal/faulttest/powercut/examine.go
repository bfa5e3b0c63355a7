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
	Migrate string // the kind of store to migrate to, or ""
	Whole   bool   // also exhaust the pool
}

// An answer is what the store holds, and what is wrong with it.
type answer struct {
	Kind    string
	Holding faulttest.Holding
	Torn    bool // a cursor file was torn
	Memory  *faulttest.Memory
	Wrong   string // "" if nothing is wrong
}

// wrong returns what is wrong as an error.
func (a answer) wrong() error {
	if a.Wrong == "" {
		return nil
	}
	return errors.New(a.Wrong)
}

// lockTimeout is generous: no other process uses the store.
const lockTimeout = 10 * time.Second

// examine answers a question.
func examine(q question) answer {
	ctx, cancel := context.WithTimeout(context.Background(), lockTimeout)
	defer cancel()
	var a answer
	var err error
	if a.Kind, err = stores.KindAt(q.Network.Path()); err == nil {
		a.Holding, a.Torn, err = verify(ctx, q.Network)
	}
	if err == nil {
		a.Memory, err = q.Network.Memory(ctx)
	}
	if err == nil {
		err = useStore(ctx, q, a.Holding)
	}
	if err != nil {
		a.Wrong = err.Error()
	}
	return a
}

// verify returns what the store holds. Only cursors may be torn: they are not synced,
// because losing one only loses the round-robin position.
func verify(ctx context.Context, n faulttest.Network) (h faulttest.Holding, torn bool, err error) {
	h, err = n.Verify(ctx)
	if err == nil || !onlyCursors(err) {
		return h, false, err
	}
	if h, err = n.Holding(ctx); err != nil {
		return nil, true, err
	}
	// The next ADD writes the cursor again.
	return h, true, requireSame(ctx, n, h, func() error { return addAndDel(n) })
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
	return ok && backend.ValidateSet(set) == nil
}

func addAndDel(n faulttest.Network) error {
	if _, err := n.Add("guest"); err != nil {
		return fmt.Errorf("ADD: %w", err)
	}
	if err := n.Del("guest"); err != nil {
		return fmt.Errorf("DEL: %w", err)
	}
	return nil
}

// requireSame runs do and checks that the store holds the same as before.
func requireSame(ctx context.Context, n faulttest.Network, h faulttest.Holding, do func() error) error {
	if err := do(); err != nil {
		return err
	}
	after, err := n.Verify(ctx)
	if err == nil && !maps.EqualFunc(h, after, slices.Equal) {
		err = fmt.Errorf("the store held %v, and afterwards %v", h, after)
	}
	return err
}

// useStore uses the store as a node would.
func useStore(ctx context.Context, q question, h faulttest.Holding) error {
	if err := requireSame(ctx, q.Network, h, func() error { return addAndDel(q.Network) }); err != nil {
		return err
	}
	if q.Migrate != "" {
		if err := requireSame(ctx, q.Network, h, func() error { return migrateStore(ctx, q) }); err != nil {
			return fmt.Errorf("migrate to %s: %w", q.Migrate, err)
		}
	}
	if !q.Whole {
		return nil
	}
	return q.Network.Exercise(ctx)
}

func migrateStore(ctx context.Context, q question) error {
	o := migrate.Options{To: q.Migrate, LockTimeout: lockTimeout, Now: time.Now()}
	if _, err := migrate.Run(ctx, q.Network.Path(), o); err != nil {
		return err
	}
	kind, err := stores.KindAt(q.Network.Path())
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
