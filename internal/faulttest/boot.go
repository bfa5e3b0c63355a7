package faulttest

import (
	"context"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/stores"
)

// earlierBoot is a boot ID that no machine has had.
const earlierBoot = "00000000-0000-4000-8000-000000000000"

// Reboot rewrites all leases with an earlier boot ID and a time before this boot. Lease
// files do not record a boot ID, so in a files store only the time changes.
func (n Network) Reboot(ctx context.Context) error {
	return stores.Follow(n.Path()).Update(ctx, func(tx backend.Tx) error {
		var leases []backend.Lease
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			leases = append(leases, l)
		}
		for _, l := range leases {
			if err := tx.Delete(l.Addr); err != nil {
				return err
			}
			l.Boot, l.Since = earlierBoot, time.Unix(1e9, 0)
			if err := tx.Put(l); err != nil {
				return err
			}
		}
		return tx.SetLastSearch(earlierBoot)
	})
}
