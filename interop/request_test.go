package interop

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
)

// A wish is the addresses that a container wants to have, in the three ways in
// which a runtime can say so.
type wish struct {
	env     []netip.Addr // CNI_ARGS, at most one
	args    []netip.Addr // args.cni.ips
	runtime []netip.Addr // runtimeConfig.ips
}

// randomWish is mostly for nothing in particular.
func randomWish(rng *rand.Rand, s shape) wish {
	var w wish
	if rng.IntN(3) > 0 {
		return w
	}
	for range 1 + rng.IntN(2) {
		addr := s.addr(rng)
		switch rng.IntN(3) {
		case 0:
			w.env = []netip.Addr{addr}
		case 1:
			w.args = append(w.args, addr)
		default:
			w.runtime = append(w.runtime, addr)
		}
	}
	return w
}

// addrs returns the addresses in whatever way they are wanted.
func (w wish) addrs() []netip.Addr {
	return append(append(append([]netip.Addr(nil), w.env...), w.args...), w.runtime...)
}

// of returns the call that carries the wish.
func (w wish) of(n network, command string, who attachment) call {
	n.beside = fmt.Sprintf(`"args": {"cni": {"ips": [%s]}}, "runtimeConfig": {"ips": [%s]}`,
		quoted(w.args), quoted(w.runtime))
	c := n.call(command, who)
	for _, addr := range w.env {
		c.args = "IgnoreUnknown=1;IP=" + addr.String()
	}
	return c
}

// quoted writes every other address with the length of a subnet, which means
// nothing.
func quoted(addrs []netip.Addr) string {
	var texts []string
	for i, addr := range addrs {
		text := addr.String()
		if i%2 == 1 {
			text += "/16"
		}
		texts = append(texts, fmt.Sprintf("%q", text))
	}
	return strings.Join(texts, ", ")
}
