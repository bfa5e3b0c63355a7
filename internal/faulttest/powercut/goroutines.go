//go:build linux

package powercut

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/stores"
)

// goroutinesConfig configures a child process with many goroutines on one open store, so
// that bolt's Updates share transactions. Each goroutine prints what it is about to do and
// what it has done.
type goroutinesConfig struct {
	Network faulttest.Network
	Members int
	Rounds  int
}

// Words that a goroutine prints, followed by the container ID and the leased addresses.
const (
	asking      = "asking"
	hasLeased   = "leased"
	isReleasing = "releasing"
	hasReleased = "released"
)

// runGoroutines runs the child process.
func runGoroutines(in io.Reader) error {
	var o goroutinesConfig
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return err
	}
	c, err := config.Parse(o.Network.Config(nil), "")
	if err != nil {
		return err
	}
	store, kind, err := stores.Open(c.Path(), c.Backend)
	if err != nil {
		return err
	}
	a := allocator.New(store, c.Pool, allocator.Options{
		History:             c.History,
		Cooldown:            c.Cooldown,
		Boot:                boot.Current(),
		ReleaseEarlierBoots: c.OnReboot.Releases(kind),
	})
	done := make(chan error)
	for i := range o.Members {
		go func() { done <- member{store, a, i}.work(o.Rounds) }()
	}
	var errs []error
	for range o.Members {
		errs = append(errs, <-done)
	}
	return errors.Join(append(errs, store.Close())...)
}

type member struct {
	store     backend.Store
	allocator *allocator.Allocator
	number    int
}

// work leases in each round, and releases the lease of the round before.
func (m member) work(rounds int) error {
	for round := range rounds {
		if err := m.lease(m.id(round)); err != nil {
			return err
		}
		if round == 0 {
			continue
		}
		if err := m.release(m.id(round - 1)); err != nil {
			return err
		}
	}
	return nil
}

func (m member) id(round int) string { return fmt.Sprintf("m%d-%d", m.number, round) }

// lease leases to a container. Println makes a single write, which the recorder sees.
func (m member) lease(id string) error {
	fmt.Println(asking, id)
	got, err := m.allocator.Allocate(context.Background(), allocator.Request{Owner: owner(id)})
	if err != nil {
		return fmt.Errorf("lease to %s: %w", id, err)
	}
	var addrs []string
	for _, as := range got {
		addrs = append(addrs, as.Addr.Addr().String())
	}
	fmt.Println(hasLeased, id, strings.Join(addrs, " "))
	return nil
}

func (m member) release(id string) error {
	fmt.Println(isReleasing, id)
	if _, err := allocator.Release(context.Background(), m.store, owner(id)); err != nil {
		return fmt.Errorf("release of %s: %w", id, err)
	}
	fmt.Println(hasReleased, id)
	return nil
}

func owner(id string) backend.Owner { return backend.Owner{ContainerID: id, IfName: faulttest.IfName} }
