package interop

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A history performs the same steps with three plugins: a stock plugin, and ours on both
// stores.
type history struct {
	peer   plugin
	rng    *rand.Rand
	shape  shape
	stock  network
	ours   []network
	held   map[attachment][]netip.Addr
	counts map[string]int // number of steps by result
}

func newHistory(t *testing.T, peer plugin, rng *rand.Rand) *history {
	h := &history{
		peer:   peer,
		rng:    rng,
		stock:  network{dir: t.TempDir()},
		ours:   []network{{dir: t.TempDir(), backend: "files"}, {dir: t.TempDir(), backend: "bolt"}},
		held:   make(map[attachment][]netip.Addr),
		counts: make(map[string]int),
	}
	versions := []string{"0.4.0", "1.0.0", "1.1.0"}
	h.reshape(randomShape(rng), versions[rng.IntN(len(versions))])
	return h
}

// reshape changes the configuration of all three networks.
func (h *history) reshape(s shape, version string) {
	if h.peer == stock() {
		s = s.gatewaysInSubnet() // It rejects other gateways.
	}
	h.shape = s
	for _, n := range h.networks() {
		n.ipam, n.version = s.json(), version
	}
}

func (h *history) networks() []*network { return []*network{&h.stock, &h.ours[0], &h.ours[1]} }

// Random histories have the same results with every plugin and store, including the errors.
func TestSameHistory(t *testing.T) {
	first := *seed
	if first == 0 {
		first = uint64(time.Now().UnixNano() % 1e9)
	}
	for s := first; s < first+uint64(rounds(12)); s++ {
		t.Run(fmt.Sprintf("seed %d", s), func(t *testing.T) {
			t.Parallel()
			h := newHistory(t, []plugin{stock(), older()}[s%2], rand.New(rand.NewPCG(s, 0)))
			t.Logf("to repeat this: -seed %d -run 'TestSameHistory/seed_%d$'", s, s)
			for i := range 80 {
				h.step(t, i)
			}
			t.Logf("%s: %s: %v", h.peer.name, h.shape.json(), h.counts)
			require.NotZero(t, h.counts["ADD"])
		})
	}
}

// step performs one step. First containers are mostly added, then deleted, then both.
func (h *history) step(t *testing.T, i int) {
	leave := []int{1, 6, 3}[i/15%3]
	switch p := h.rng.IntN(10); {
	case i%20 == 19:
		h.reshape(h.shape.changed(h.rng), h.stock.version)
	case p == 0:
		h.check(t, h.anyone())
	case p <= leave:
		h.del(t, h.holder())
	default:
		h.add(t, h.anyone(), randomRequest(h.rng, h.shape))
	}
	h.compare(t)
}

func (h *history) anyone() attachment {
	return attachment{fmt.Sprintf("c%d", h.rng.IntN(20)), []string{"eth0", "net1"}[h.rng.IntN(2)]}
}

// holder returns an attachment that has addresses, if one of three random ones has.
func (h *history) holder() attachment {
	who := h.anyone()
	for range 2 {
		if len(h.held[who]) == 0 {
			who = h.anyone()
		}
	}
	return who
}

func (h *history) check(t *testing.T, who attachment) {
	want := h.peer.mustRun(t, h.stock.call("CHECK", who))
	for _, n := range h.ours {
		got := ours().mustRun(t, n.call("CHECK", who))
		require.Equal(t, want.ok, got.ok, "CHECK on %s: %s", n.backend, got)
		require.Equal(t, len(h.held[who]) > 0, got.ok, "CHECK on %s: %s", n.backend, got)
	}
	h.counts["CHECK"]++
}

func (h *history) del(t *testing.T, who attachment) {
	require.Empty(t, h.peer.mustDo(t, h.stock.call("DEL", who)).String())
	for _, n := range h.ours {
		require.Empty(t, ours().mustDo(t, n.call("DEL", who)).String())
	}
	delete(h.held, who)
	h.counts["DEL"]++
}

// add compares an ADD. If stock fails, its side effects are undone: it moves cursors, and
// releases what the attachment held before. Our plugin must leave no trace of a failed ADD.
func (h *history) add(t *testing.T, who attachment, w addressRequest) {
	before := takeSnapshot(t, h.stock.path())
	want := h.peer.mustRun(t, w.of(h.stock, "ADD", who))
	var got []answer
	for _, n := range h.ours {
		got = append(got, ours().mustRun(t, w.of(n, "ADD", who)))
	}
	switch {
	case h.wantsSecond(who, w):
		h.requireSecondRejected(t, want, got)
	case want.ok:
		h.given(t, who, want, got)
		return
	default:
		h.requireRejected(t, w, want, got)
	}
	before.restore(t, h.stock.path())
}

func (h *history) given(t *testing.T, who attachment, want answer, got []answer) {
	for i, a := range got {
		require.True(t, a.ok, "%s refuses what stock grants: %s", h.ours[i].backend, a)
		require.JSONEq(t, string(want.stdout), string(a.stdout), h.ours[i].backend)
	}
	h.held[who] = append(h.held[who], want.mustAddrs(t)...)
	h.counts["ADD"]++
}

func (h *history) requireRejected(t *testing.T, w addressRequest, want answer, got []answer) {
	msg := h.refusal(w, want)
	for i, a := range got {
		require.False(t, a.ok, "%s grants what stock refuses: %s", h.ours[i].backend, want)
		require.Regexp(t, msg, a.refusal().Msg, h.ours[i].backend)
	}
	h.counts[kind(want.refusal().Msg)]++
}

// refusal returns a pattern for our error message. Our plugin first rejects addresses that
// can never be leased, where stock may report something else. If an attachment holds
// several addresses because the ranges have changed, stock names the first by file name.
func (h *history) refusal(w addressRequest, want answer) string {
	msg := want.refusal().Msg
	before, after, duplicate := strings.Cut(msg, " has been allocated")
	switch {
	case h.wantsUnavailable(w):
		return "^failed to allocate all requested IPs"
	case slices.ContainsFunc(w.addrs(), h.shape.isGateway):
		return `^failed to allocate for range \d: requested ip \S+ is subnet's gateway`
	case duplicate:
		return "^" + quote(before[:strings.LastIndex(before, " ")]) + ` \S+ has been allocated` + quote(after)
	}
	return "^" + quote(msg)
}

// wantsSecond reports whether an address is requested from a set in which the attachment
// has one already. Stock leases a second one, our plugin never does.
func (h *history) wantsSecond(who attachment, w addressRequest) bool {
	return slices.ContainsFunc(w.addrs(), func(wanted netip.Addr) bool {
		return slices.ContainsFunc(h.held[who], func(held netip.Addr) bool {
			return h.shape.inRange(held) && h.shape.set(held) == h.shape.set(wanted)
		})
	})
}

// requireSecondRejected requires that no attachment gets a second address of a set. If
// stock fails too, another set may be the reason.
func (h *history) requireSecondRejected(t *testing.T, want answer, got []answer) {
	for i, a := range got {
		require.False(t, a.ok, "%s gives a second address: %s", h.ours[i].backend, a)
		if want.ok {
			require.Contains(t, a.refusal().Msg, "duplicate allocation is not allowed")
		}
	}
	h.counts["second"]++
}

// wantsUnavailable reports whether an address in no range is requested, or two of one set.
func (h *history) wantsUnavailable(w addressRequest) bool {
	of := make(map[int]netip.Addr)
	for _, addr := range w.addrs() {
		i := h.shape.set(addr)
		if i < 0 || !h.shape.inRange(addr) || of[i].IsValid() && of[i] != addr {
			return true
		}
		of[i] = addr
	}
	return false
}

// compare requires the same leases in all stores; the files store must match stock byte for
// byte, including cursors.
func (h *history) compare(t *testing.T) {
	want := takeSnapshot(t, h.stock.path())
	require.Equal(t, want, takeSnapshot(t, h.ours[0].path()))
	require.Equal(t, want.leases(), storedLeases(t, h.ours[1]))
}
