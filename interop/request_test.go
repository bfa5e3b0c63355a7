package interop

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
)

// An addressRequest lists requested addresses, by the three ways in which a runtime can
// request them.
type addressRequest struct {
	env     []netip.Addr // CNI_ARGS, at most one
	args    []netip.Addr // args.cni.ips
	runtime []netip.Addr // runtimeConfig.ips
}

// randomRequest usually requests no address.
func randomRequest(rng *rand.Rand, s shape) addressRequest {
	var w addressRequest
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

// addrs returns all requested addresses.
func (w addressRequest) addrs() []netip.Addr {
	return append(append(append([]netip.Addr(nil), w.env...), w.args...), w.runtime...)
}

// of returns the call with the request.
func (w addressRequest) of(n network, command string, who attachment) call {
	n.beside = fmt.Sprintf(`"args": {"cni": {"ips": [%s]}}, "runtimeConfig": {"ips": [%s]}`,
		quoted(w.args), quoted(w.runtime))
	c := n.call(command, who)
	for _, addr := range w.env {
		c.args = "IgnoreUnknown=1;IP=" + addr.String()
	}
	return c
}

// quoted returns the addresses as JSON, every other one with a prefix length, which is
// ignored.
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
