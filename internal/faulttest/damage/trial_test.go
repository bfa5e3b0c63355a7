package damage

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// What comes of ADDs on a damaged store.
const (
	detected = "detected" // an error says why there is no lease
	harmless = "harmless" // all is as if there were no damage
	latent   = "latent"   // so it is, but verify finds something
	older    = "older"    // all is as one transaction earlier: the newest meta is lost
	wrong    = "wrong"
)

// A trial is a damaged file.
type trial struct {
	*original
	name  string
	image []byte
	seed  uint64
	net   faulttest.Network // that of the original, elsewhere

	foreign map[held]bool // leases that came with the damage
}

// run has the plugin, and then the repair, do what they do, each with the damaged file.
func (tr trial) run(w *worker, dir string) (outcome string, err error) {
	tr.net = tr.original.net
	tr.net.Dir = dir
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return wrong, err
	}
	if outcome, err = tr.plugin(w); err == nil {
		err = tr.repair(w)
	}
	if err != nil {
		return wrong, fmt.Errorf("%s, seed %d: %w", tr.name, tr.seed, err)
	}
	return outcome, nil
}

// older reports whether the newest meta is not what it was, so that nothing tells that
// there was one.
func (tr trial) older() bool {
	id := tr.pagesOf(newestMeta)[0]
	end := min((id+1)*tr.pageSize(), len(tr.image))
	return !bytes.HasPrefix(tr.image[min(id*tr.pageSize(), end):end], tr.page(tr.original.image, id)[:80])
}

func (tr trial) write() error { return os.WriteFile(tr.net.Path(), tr.image, 0o600) }

// plugin performs all commands of the plugin. An error says what must not be.
func (tr trial) plugin(w *worker) (outcome string, err error) {
	r := rand.New(rand.NewPCG(tr.seed, 1))
	ids := tr.ids()
	some := ids[r.IntN(len(ids))]
	if err := tr.write(); err != nil {
		return wrong, err
	}
	if _, err := w.do(order{tr.net, "CHECK", some, faulttest.PrevResult(tr.addrsOf(some))}); err != nil {
		return wrong, err
	}
	if _, err := w.do(order{Net: tr.net, Command: "STATUS"}); err != nil {
		return wrong, err
	}
	if outcome, err = tr.fill(w); err != nil {
		return wrong, err
	}
	if err := tr.request(w, r); err != nil {
		return wrong, err
	}
	if _, err := w.do(order{Net: tr.net, Command: "DEL", ID: some}); err != nil {
		return wrong, err
	}
	// The first half of the containers has gone.
	_, err = w.do(order{tr.net, "GC", "", faulttest.Attachments(ids[len(ids)/2:]...)})
	return outcome, err
}

func (tr trial) addrsOf(id string) (addrs []netip.Addr) {
	for addr, holder := range tr.now {
		if holder == id {
			addrs = append(addrs, addr)
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return addrs
}

// fill leases all there is, and sees that nothing of it was leased.
func (tr trial) fill(w *worker) (outcome string, err error) {
	want, given := tr.now, leased{}
	if tr.older() {
		want = leased{}
		for addr, id := range tr.now {
			if tr.before[addr] == id {
				want[addr] = id
			}
		}
	}
	free := tr.net.Size - len(tr.now)/tr.net.Families()
	for i := range tr.net.Size {
		id := "new" + strconv.Itoa(i)
		a, err := w.do(order{Net: tr.net, Command: "ADD", ID: id})
		if err != nil {
			return wrong, err
		}
		if a.Code != 0 {
			break
		}
		if err := tr.take(a.Out, id, want, given); err != nil {
			return wrong, err
		}
	}
	switch len(given) / tr.net.Families() {
	case free:
		return tr.look(w, want, given)
	case free + 1:
		return older, nil
	}
	return detected, nil
}

// look makes sure that a store that could be filled holds all that it should, or else
// that it can be seen that it does not.
func (tr trial) look(w *worker, want, given leased) (outcome string, err error) {
	a, err := w.do(order{Net: tr.net, Command: verify})
	if err != nil {
		return wrong, err
	}
	if a.Err != "" {
		return latent, nil
	}
	if a, err = w.do(order{Net: tr.net, Command: holding}); err != nil {
		return wrong, err
	}
	got := leased{}
	for id, addrs := range a.Holding {
		for _, addr := range addrs {
			got[addr] = id
		}
	}
	for _, all := range []leased{want, given} {
		for addr, id := range all {
			if got[addr] != id {
				return wrong, fmt.Errorf("%s is leased to %q, want %q, and verify finds nothing", addr, got[addr], id)
			}
		}
	}
	return harmless, nil
}

// take looks at what an ADD has answered.
func (tr trial) take(out []byte, id string, want, given leased) error {
	addrs, err := faulttest.Addresses(out)
	if err != nil {
		return err
	}
	if len(addrs) != tr.net.Families() {
		return fmt.Errorf("ADD of %s gave %v", id, addrs)
	}
	for _, addr := range addrs {
		switch {
		case !inPool(tr.net, addr):
			return fmt.Errorf("ADD of %s gave %s, which is out of the pool", id, addr)
		case want[addr] != "":
			return fmt.Errorf("ADD of %s gave %s, which %s holds", id, addr, want[addr])
		case given[addr] != "":
			return fmt.Errorf("ADD of %s gave %s, which it gave %s before", id, addr, given[addr])
		}
		given[addr] = id
	}
	return nil
}

// request asks for addresses that are leased.
func (tr trial) request(w *worker, r *rand.Rand) error {
	addrs := slices.SortedFunc(maps.Keys(tr.before), netip.Addr.Compare)
	for range 3 {
		addr := addrs[r.IntN(len(addrs))]
		if tr.now[addr] != tr.before[addr] {
			continue
		}
		more := map[string]any{"runtimeConfig": map[string]any{"ips": []string{addr.String()}}}
		a, err := w.do(order{tr.net, "ADD", "greedy", more})
		if err != nil {
			return err
		}
		if a.Code == 0 {
			return fmt.Errorf("ADD gave %s, which %s holds, to who asked for it", addr, tr.now[addr])
		}
	}
	return nil
}

// inPool reports whether the network has that address to lease.
func inPool(n faulttest.Network, addr netip.Addr) bool {
	const first = 10
	host := int(addr.AsSlice()[len(addr.AsSlice())-1])
	rest := netip.MustParsePrefix("10.0.0.0/24")
	if addr.Is6() {
		rest = netip.MustParsePrefix("fd00::/120")
	}
	return rest.Contains(addr) && first <= host && host < first+n.Size
}
