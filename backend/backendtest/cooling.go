package backendtest

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// clausesOfCooling are for stores whose transactions are [backend.CoolingTx].
func clausesOfCooling(c contract) {
	at := func(n int) time.Time { return time.Unix(1_760_000_000, int64(n)).UTC() }
	c.clause("are neither leased nor free", func(f *fixture) {
		f.put(leased("10.0.0.1")...)
		f.changeCooling(func(tx backend.CoolingTx) error { return tx.Cool(ip("10.0.0.2"), at(1)) })
		for range 2 {
			f.view(func(tx backend.ReadTx) error {
				_, err := tx.Lease(ip("10.0.0.2"))
				require.ErrorIs(f, err, backend.ErrNotFound)
				free, err := tx.NextFree(ip("10.0.0.1"), ip("10.0.0.9"))
				require.Equal(f, ip("10.0.0.3"), free)
				return err
			})
			require.Equal(f, []netip.Addr{ip("10.0.0.1")}, f.addrs())
			f.reopenIfPersistent()
		}
	})
	c.clause("can be leased, and then do not cool", func(f *fixture) {
		f.changeCooling(func(tx backend.CoolingTx) error { return tx.Cool(ip("10.0.0.2"), at(1)) })
		f.put(leased("10.0.0.2")...)
		f.requireCooling()
		f.update(func(tx backend.Tx) error { return tx.Delete(ip("10.0.0.2")) })
		f.view(func(tx backend.ReadTx) error {
			free, err := tx.NextFree(ip("10.0.0.2"), ip("10.0.0.9"))
			require.Equal(f, ip("10.0.0.2"), free)
			return err
		})
	})
	c.clause("are not leased", func(f *fixture) {
		f.put(leased("10.0.0.1")...)
		f.changeCooling(func(tx backend.CoolingTx) error {
			require.ErrorIs(f, tx.Cool(ip("10.0.0.1"), at(1)), backend.ErrExists)
			return nil
		})
		f.requireCooling()
	})
	c.clause("are free after EndCooling, which can be repeated", func(f *fixture) {
		f.changeCooling(func(tx backend.CoolingTx) error { return tx.Cool(ip("10.0.0.2"), at(1)) })
		for range 2 {
			f.changeCooling(func(tx backend.CoolingTx) error { return tx.EndCooling(ip("10.0.0.2")) })
			f.requireCooling()
			f.view(func(tx backend.ReadTx) error {
				free, err := tx.NextFree(ip("10.0.0.2"), ip("10.0.0.9"))
				require.Equal(f, ip("10.0.0.2"), free)
				return err
			})
		}
	})
	c.clause("have the last time they were given, within the years 1678 to 2262", func(f *fixture) {
		f.changeCooling(func(tx backend.CoolingTx) error {
			require.NoError(f, tx.Cool(ip("10.0.0.2"), at(5)))
			require.NoError(f, tx.Cool(ip("fd00::1"), time.Time{}))
			require.NoError(f, tx.Cool(ip("10.0.0.9"), at(1).AddDate(1000, 0, 0)))
			return tx.Cool(ip("10.0.0.2"), at(3).In(time.FixedZone("", 3600)))
		})
		f.changeCooling(func(tx backend.CoolingTx) error {
			got := collectAll(f, tx.LongestCooling())
			require.Len(f, got, 3)
			require.Equal(f, 1677, got[0].Since.Year())
			require.Equal(f, backend.Cooling{Addr: ip("10.0.0.2"), Since: at(3)}, got[1])
			require.Equal(f, 2262, got[2].Since.Year())
			return nil
		})
	})
	c.clause("are as before if Update fails", func(f *fixture) {
		want := []backend.Cooling{{Addr: ip("10.0.0.2"), Since: at(2)}, {Addr: ip("10.0.0.4"), Since: at(1)}}
		f.changeCooling(func(tx backend.CoolingTx) error {
			for _, c := range want {
				require.NoError(f, tx.Cool(c.Addr, c.Since))
			}
			return nil
		})
		err := f.store.Update(f.ctx, func(tx backend.Tx) error {
			t := tx.(backend.CoolingTx)
			require.NoError(f, t.Cool(ip("10.0.0.2"), at(9)))
			require.NoError(f, t.Cool(ip("10.0.0.3"), at(9)))
			require.NoError(f, t.EndCooling(ip("10.0.0.4")))
			require.NoError(f, t.EndCooling(ip("10.0.0.3")))
			require.NoError(f, putAll(t, leased("10.0.0.2", "10.0.0.3")))
			return errFails
		})
		require.ErrorIs(f, err, errFails)
		f.requireCooling(want...)
	})
	c.clause("are, after random changes, what a map has after the same", clausesOfRandomCooling)
	c.clause("return ErrInvalid for invalid addresses, and after fn has returned", func(f *fixture) {
		f.put(leased("10.0.0.1")...)
		var leaked backend.CoolingTx
		f.changeCooling(func(tx backend.CoolingTx) error {
			leaked = tx
			for _, addr := range []netip.Addr{{}, ip("::ffff:10.0.0.1"), ip("fe80::1%eth0")} {
				require.ErrorIs(f, tx.Cool(addr, at(1)), backend.ErrInvalid)
				require.ErrorIs(f, tx.EndCooling(addr), backend.ErrInvalid)
			}
			require.ErrorIs(f, lastError(tx.CoolingFrom(ip("::ffff:10.0.0.1"))), backend.ErrInvalid)
			return nil
		})
		for _, err := range []error{
			leaked.Cool(ip("10.0.0.2"), at(1)), leaked.EndCooling(ip("10.0.0.2")),
			lastError(leaked.CoolingFrom(netip.Addr{})), lastError(leaked.LongestCooling()), lastError(leaked.LatestCooling()),
		} {
			require.ErrorIs(f, err, backend.ErrInvalid)
		}
	})
}

// clausesOfRandomCooling leases, cools and frees a few addresses, and compares with maps.
func clausesOfRandomCooling(f *fixture) {
	random := rand.New(rand.NewPCG(30, 1))
	held, cooling := make(map[netip.Addr]bool), make(map[netip.Addr]time.Time)
	nth := func(n int) netip.Addr {
		if n%5 == 4 {
			return netip.AddrFrom16([16]byte{0: 0xfd, 15: byte(n)})
		}
		return netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})
	}
	for range 150 {
		f.changeCooling(func(tx backend.CoolingTx) error {
			for range random.IntN(8) {
				addr := nth(1 + random.IntN(40))
				since := time.Unix(0, 1_760_000_000_000_000_000+random.Int64N(1000)).UTC()
				switch random.IntN(4) {
				case 0:
					if !held[addr] {
						require.NoError(f, putAll(tx, []backend.Lease{lease(addr, eth0)}))
						held[addr] = true
						delete(cooling, addr)
					}
				case 1:
					require.NoError(f, tx.Delete(addr))
					delete(held, addr)
				case 2:
					if !held[addr] {
						require.NoError(f, tx.Cool(addr, since))
						cooling[addr] = since
					}
				case 3:
					require.NoError(f, tx.EndCooling(addr))
					delete(cooling, addr)
				}
			}
			return nil
		})
		f.view(func(tx backend.ReadTx) error {
			for n := 1; n < 41; n++ {
				if nth(n).Is6() {
					continue
				}
				free, err := tx.NextFree(nth(n), ip("10.0.0.250"))
				require.NoError(f, err)
				want := nth(n)
				for taken := true; taken; {
					if taken = held[want] || !cooling[want].IsZero(); taken {
						want = want.Next()
					}
				}
				require.Equal(f, want, free)
			}
			return nil
		})
	}
	var want []backend.Cooling
	for _, addr := range slices.SortedFunc(maps.Keys(cooling), netip.Addr.Compare) {
		want = append(want, backend.Cooling{Addr: addr, Since: cooling[addr]})
	}
	require.NotEmpty(f, want)
	f.requireCooling(want...)
}

// requireCooling requires that these addresses, in ascending order, are cooling.
func (f *fixture) requireCooling(want ...backend.Cooling) {
	f.Helper()
	f.view(func(r backend.ReadTx) error {
		tx := r.(backend.CoolingReadTx)
		require.Equal(f, append([]backend.Cooling{}, want...), collectAll(f, tx.CoolingFrom(netip.Addr{})))
		if len(want) > 1 {
			require.Equal(f, want[1:], collectAll(f, tx.CoolingFrom(want[0].Addr.Next())))
		}
		byTime := append([]backend.Cooling{}, want...)
		slices.SortFunc(byTime, func(a, b backend.Cooling) int { return cmp.Or(a.Since.Compare(b.Since), a.Addr.Compare(b.Addr)) })
		require.Equal(f, byTime, collectAll(f, tx.LongestCooling()))
		slices.Reverse(byTime)
		require.Equal(f, byTime, collectAll(f, tx.LatestCooling()))
		return nil
	})
}

// changeCooling calls fn with the transaction of an Update.
func (f *fixture) changeCooling(fn func(backend.CoolingTx) error) {
	f.Helper()
	f.update(func(tx backend.Tx) error { return fn(tx.(backend.CoolingTx)) })
}
