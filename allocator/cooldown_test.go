package allocator_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/memory"
)

// A cooler leases from one set, by a clock of its own. Releases go by the real clock, so it makes
// addresses cool itself.
type cooler struct {
	*testing.T
	store *memory.Store
	pool  allocator.Pool
	down  allocator.Cooldown
	now   time.Time
}

func newCooler(t *testing.T, prefix string, down allocator.Cooldown) *cooler {
	return &cooler{t, memory.New(), newPool(t, newSet(t, subnet(t, prefix))), down, time.Unix(1_760_000_000, 0).UTC()}
}

func (c *cooler) allocator() *allocator.Allocator {
	return allocator.New(c.store, c.pool, allocator.Options{Cooldown: c.down, Now: func() time.Time { return c.now }})
}

func (c *cooler) lease(id string, requested ...string) (string, error) {
	got, err := c.allocator().Allocate(context.Background(), allocator.Request{Owner: eth0(id), Addrs: addrs(requested...)})
	if err != nil {
		return "", err
	}
	return got[0].Addr.Addr().String(), nil
}

func (c *cooler) mustLease(id string, requested ...string) string {
	c.Helper()
	addr, err := c.lease(id, requested...)
	require.NoError(c, err)
	return addr
}

// release releases an address that long ago.
func (c *cooler) release(text string, ago time.Duration) {
	c.Helper()
	require.NoError(c, c.store.Update(context.Background(), func(tx backend.Tx) error {
		if err := tx.Delete(addr(text)); err != nil {
			return err
		}
		return tx.(backend.CoolingTx).Cool(addr(text), c.now.Add(-ago))
	}))
}

func TestReleasedAddressesArePassedOver(t *testing.T) {
	c := newCooler(t, "10.0.0.0/29", allocator.Cooldown{ReuseAfter: 30 * time.Second})
	for i := 2; i <= 6; i++ {
		require.Equal(t, fmt.Sprint("10.0.0.", i), c.mustLease(fmt.Sprint("c", i)))
	}
	c.release("10.0.0.3", 10*time.Second)
	c.release("10.0.0.5", 40*time.Second)
	require.Equal(t, "10.0.0.5", c.mustLease("a"), "the other one is too warm")
	c.release("10.0.0.6", 29*time.Second)
	require.Equal(t, "10.0.0.6", c.mustLease("b"), "none is cool, and it was released first")
	require.Equal(t, "10.0.0.3", c.mustLease("d"))
	_, err := c.lease("e")
	require.ErrorAs(t, err, new(*allocator.ExhaustedError))
}

func TestStrictCooldownWithholds(t *testing.T) {
	c := newCooler(t, "10.0.0.0/30", allocator.Cooldown{ReuseAfter: 30 * time.Second, Strict: true})
	require.Equal(t, "10.0.0.2", c.mustLease("a"))
	c.release("10.0.0.2", 10*time.Second)
	_, err := c.lease("b")
	exhausted := (*allocator.ExhaustedError)(nil)
	require.ErrorAs(t, err, &exhausted)
	require.Equal(t, c.now.Add(20*time.Second), exhausted.Cool)
	require.ErrorContains(t, err, "(1 leased or cooling, 1 excluded or gateway; the next one can be leased at "+exhausted.Cool.Format(time.RFC3339))
	require.ErrorAs(t, c.allocator().Status(context.Background()), &exhausted)
	require.Equal(t, "10.0.0.2", c.mustLease("static", "10.0.0.2"), "a requested address is leased all the same")

	c.release("10.0.0.2", 10*time.Second)
	c.now = c.now.Add(20 * time.Second)
	require.NoError(t, c.allocator().Status(context.Background()))
	require.Equal(t, "10.0.0.2", c.mustLease("c"))
}

// An ADD that finds the pool full has the store remember the cooldown: the next releases go by it.
func TestCooldownIsRememberedWhenThePoolIsFull(t *testing.T) {
	c := newCooler(t, "10.0.0.0/30", allocator.Cooldown{})
	require.Equal(t, "10.0.0.2", c.mustLease("a"))
	c.down = allocator.Cooldown{ReuseAfter: time.Hour, Strict: true}
	_, err := c.lease("b")
	exhausted := (*allocator.ExhaustedError)(nil)
	require.ErrorAs(t, err, &exhausted)
	_, err = allocator.Release(context.Background(), c.store, eth0("a"))
	require.NoError(t, err)
	c.now = time.Now() // Releases go by the real clock.
	_, err = c.lease("c")
	require.ErrorAs(t, err, &exhausted, "it was released a moment ago")
	require.NotZero(t, exhausted.Cool)
}

// A clock that was set back does not keep an address cooling.
func TestTimeAheadOfTheClockCountsAsLongAgo(t *testing.T) {
	c := newCooler(t, "10.0.0.0/29", allocator.Cooldown{ReuseAfter: 30 * time.Second, Strict: true})
	for i := 2; i <= 6; i++ {
		c.mustLease(fmt.Sprint("c", i))
	}
	c.release("10.0.0.4", -time.Hour)
	c.release("10.0.0.5", time.Second)
	require.Equal(t, "10.0.0.4", c.mustLease("a"))
}

func TestCooldownIsOverWhenTurnedOff(t *testing.T) {
	c := newCooler(t, "10.0.0.0/24", allocator.Cooldown{ReuseAfter: time.Hour})
	for i := range 100 {
		c.mustLease(fmt.Sprint("c", i))
	}
	for i := range 100 {
		c.release(fmt.Sprint("10.0.0.", i+2), time.Minute)
	}
	c.down = allocator.Cooldown{}
	for i := range 253 {
		c.mustLease(fmt.Sprint("d", i))
	}
	_, err := c.lease("e")
	require.ErrorAs(t, err, new(*allocator.ExhaustedError))
}

// Release, GC and an operator make addresses cool; a reboot long ago and an ADD that is undone do not.
func TestWhatMakesAddressesCool(t *testing.T) {
	ctx := context.Background()
	cooling := func(s backend.Store) (n int) {
		require.NoError(t, s.View(ctx, func(tx backend.ReadTx) error {
			for c, err := range tx.(backend.CoolingReadTx).LongestCooling() {
				require.NoError(t, err)
				require.WithinDuration(t, time.Now(), c.Since, time.Minute)
				n++
			}
			return nil
		}))
		return n
	}
	for name, end := range map[string]func(s backend.Store) error{
		"DEL":     func(s backend.Store) error { _, err := allocator.Release(ctx, s, eth0("a")); return err },
		"GC":      func(s backend.Store) error { _, err := allocator.Collect(ctx, s, nil); return err },
		"release": func(s backend.Store) error { _, err := allocator.ReleaseAddrs(ctx, s, addrs("10.0.0.2")); return err },
	} {
		for _, after := range []time.Duration{0, time.Hour} {
			store := memory.New()
			a := allocator.New(store, onePool(t), allocator.Options{Cooldown: allocator.Cooldown{ReuseAfter: after}})
			got, err := a.Allocate(ctx, allocator.Request{Owner: eth0("undone")})
			require.NoError(t, err)
			require.NoError(t, a.Undo(ctx, eth0("undone"), got))
			require.Zero(t, cooling(store))
			_, err = a.Allocate(ctx, allocator.Request{Owner: eth0("a"), Addrs: addrs("10.0.0.2")})
			require.NoError(t, err)
			require.NoError(t, end(store))
			want := 0
			if after > 0 {
				want = 1
			}
			require.Equal(t, want, cooling(store), name)
		}
	}
	c := newCooler(t, "10.0.0.0/24", allocator.Cooldown{ReuseAfter: time.Hour})
	c.mustLease("a")
	b := allocator.Boot{ID: "b", Started: time.Now().Add(-2 * time.Hour)}
	_, err := allocator.New(c.store, c.pool, allocator.Options{Cooldown: c.down, Boot: b, ReleaseEarlierBoots: true}).
		Allocate(ctx, allocator.Request{Owner: eth0("b")})
	require.NoError(t, err)
	require.Zero(t, cooling(c.store))
}

func TestUsageCountsCooling(t *testing.T) {
	c := newCooler(t, "10.0.0.0/29", allocator.Cooldown{ReuseAfter: time.Hour})
	for i := 2; i <= 6; i++ {
		c.mustLease(fmt.Sprint("c", i))
	}
	for _, text := range []string{"10.0.0.3", "10.0.0.5", "10.0.0.6"} {
		c.release(text, time.Second)
	}
	require.NoError(t, c.store.Update(context.Background(), func(tx backend.Tx) error {
		return tx.(backend.CoolingTx).EndCooling(addr("10.0.0.5"))
	}))
	u := usage(t, c.store, c.pool)[0]
	require.Equal(t, []uint64{2, 2, 1}, []uint64{u.Leased, u.Cooling, u.Free})
	require.Equal(t, "10.0.0.5", u.LargestFree.String())
}

// Whatever is leased and released, the next address is one that a list of all addresses with their
// times allows.
func TestCooldownAgainstAList(t *testing.T) {
	random := rand.New(rand.NewPCG(18, 2))
	for range 60 {
		c := newCooler(t, "10.0.0.0/28", allocator.Cooldown{ReuseAfter: 30 * time.Second, Strict: random.IntN(2) == 0})
		held, released := map[string]bool{}, map[string]time.Time{}
		for step := range 200 {
			c.now = c.now.Add(time.Duration(random.IntN(4000)) * time.Millisecond)
			if random.IntN(2) == 0 && len(held) > 0 {
				for text := range held {
					c.release(text, 0)
					delete(held, text)
					released[text] = c.now
					break
				}
				continue
			}
			var cool, warm, first string
			for a := addr("10.0.0.2"); a.Less(netip.MustParseAddr("10.0.0.15")); a = a.Next() {
				switch at, ok := released[a.String()]; {
				case held[a.String()]:
				case !ok || c.now.Sub(at) >= 30*time.Second:
					cool = a.String()
				default:
					if warm = a.String(); first == "" || at.Before(released[first]) {
						first = a.String()
					}
				}
			}
			got, err := c.lease(fmt.Sprint("c", step))
			switch {
			case cool != "":
				require.NoError(t, err)
				at, ok := released[got]
				require.True(t, !ok || c.now.Sub(at) >= 30*time.Second, "%s is warm, and %s is not", got, cool)
			case warm != "" && !c.down.Strict:
				require.NoError(t, err)
				require.Equal(t, released[first], released[got])
			default:
				require.ErrorAs(t, err, new(*allocator.ExhaustedError))
				continue
			}
			require.False(t, held[got])
			held[got] = true
		}
	}
}

// A span is withheld until its last warm address has cooled, and only if it is strict.
func TestWithheldUntil(t *testing.T) {
	strict := allocator.Cooldown{ReuseAfter: time.Minute, Strict: true}
	c := newCooler(t, "10.0.0.0/28", strict)
	until := func(down allocator.Cooldown, first, last string) (ago time.Duration, any bool) {
		t.Helper()
		require.NoError(t, c.store.View(t.Context(), func(tx backend.ReadTx) error {
			at, err := down.WithheldUntil(tx, allocator.Span{First: addr(first), Last: addr(last)}, c.now)
			ago, any = at.Sub(c.now), !at.IsZero()
			return err
		}))
		return ago, any
	}
	for id, ago := range map[string]time.Duration{"10.0.0.2": 2 * time.Minute, "10.0.0.5": 20 * time.Second, "10.0.0.6": 40 * time.Second, "10.0.0.9": -time.Second} {
		c.mustLease(id, id)
		c.release(id, ago)
	}
	_, any := until(strict, "10.0.0.0", "10.0.0.4")
	require.False(t, any, "it has cooled")
	_, any = until(strict, "10.0.0.7", "10.0.0.15")
	require.False(t, any, "the clock was set back since")
	for _, last := range []string{"10.0.0.5", "10.0.0.6", "10.0.0.15"} {
		left, any := until(strict, "10.0.0.0", last)
		require.True(t, any)
		require.Equal(t, 40*time.Second, left)
	}
	left, _ := until(strict, "10.0.0.6", "10.0.0.7")
	require.Equal(t, 20*time.Second, left)
	_, any = until(allocator.Cooldown{ReuseAfter: time.Minute}, "10.0.0.0", "10.0.0.15")
	require.False(t, any, "it would be leased if no other is free")
}
