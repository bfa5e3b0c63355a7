package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/netconf"
)

// addWithheld sets WithheldUntil of rows, which are of the usages.
func (t *tool) addWithheld(cmd *cobra.Command, n network, usages []allocator.Usage, rows []usageRow) error {
	until, err := t.withheld(cmd.Context(), n, usages)
	for i, at := range until {
		if !at.IsZero() {
			rows[i].WithheldUntil = at.UTC().Format(time.RFC3339)
		}
	}
	return err
}

// withheld returns, for each usage of the network's sets, when the next address can be leased, if an ADD
// fails until then because [allocator.Cooldown.Strict] withholds every address that is not leased.
func (t *tool) withheld(ctx context.Context, n network, usages []allocator.Usage) ([]time.Time, error) {
	until := make([]time.Time, 0, len(usages))
	for _, c := range n.confs {
		if c.Config == nil {
			continue
		}
		for _, set := range c.Config.Pool.Sets() {
			if len(until) == len(usages) {
				return until, nil
			}
			at, u := time.Time{}, usages[len(until)]
			if c.Config.Cooldown.Strict && u.Cooling > 0 && u.Free == 0 && u.NotHeld == 0 {
				var err error
				if at, err = t.withheldUntil(ctx, n, c, set); err != nil {
					return until, err
				}
			}
			until = append(until, at)
		}
	}
	return until, nil
}

// withheldUntil asks the allocator what an ADD would find in the set. The zero time means an
// address, or that none is cooling.
func (t *tool) withheldUntil(ctx context.Context, n network, c netconf.Network, set allocator.Set) (time.Time, error) {
	pool, err := allocator.NewPool(set)
	if err != nil {
		return time.Time{}, err
	}
	kind, err := n.kind()
	if err != nil {
		return time.Time{}, err
	}
	err = allocator.New(t.readStoreInPortions(n), pool, allocator.Options{
		Cooldown: c.Config.Cooldown, Boot: boot.Current(), ReleaseEarlierBoots: c.Config.OnReboot.Releases(kind), Now: t.now,
	}).Status(ctx)
	exhausted, member := (*allocator.ExhaustedError)(nil), (*allocator.MembershipError)(nil)
	switch {
	case errors.As(err, &exhausted):
		return exhausted.Cool, nil
	case errors.As(err, &member): // Something else keeps this host from leasing.
		return time.Time{}, nil
	}
	return time.Time{}, err
}
