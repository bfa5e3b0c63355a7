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

// Outcomes of ADDs on a damaged store.
const (
	detected = "detected" // an ADD failed with an error
	harmless = "harmless" // as if there were no damage
	latent   = "latent"   // the same, but verify reports the damage
	older    = "older"    // the state of one transaction earlier: the newest meta page is lost
	wrong    = "wrong"
)

// A damagedStore is a damaged copy of an original.
type damagedStore struct {
	*original
	name  string
	image []byte
	seed  uint64
	net   faulttest.Network // the original's network in another directory

	foreign map[lease]bool // leases that the damage brought in
}

// run runs the plugin's commands, and then a repair, each on a fresh copy of the damaged
// file.
func (tr damagedStore) run(w *worker, dir string) (outcome string, err error) {
	tr.net = tr.original.net
	tr.net.Dir = dir
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return wrong, err
	}
	if outcome, err = tr.runPlugin(w); err == nil {
		err = tr.repair(w)
	}
	if err != nil {
		return wrong, fmt.Errorf("%s, seed %d: %w", tr.name, tr.seed, err)
	}
	return outcome, nil
}

// older reports whether the newest meta page has changed, so the state of one transaction
// earlier is also valid.
func (tr damagedStore) older() bool {
	id := tr.pagesOf(newestMeta)[0]
	end := min((id+1)*tr.pageSize(), len(tr.image))
	return !bytes.HasPrefix(tr.image[min(id*tr.pageSize(), end):end], tr.page(tr.original.image, id)[:80])
}

func (tr damagedStore) write() error { return os.WriteFile(tr.net.Path(), tr.image, 0o600) }

// runPlugin performs all commands of the plugin. It returns an error for an answer that
// must not happen.
func (tr damagedStore) runPlugin(w *worker) (outcome string, err error) {
	r := rand.New(rand.NewPCG(tr.seed, 1))
	ids := tr.ids()
	id := ids[r.IntN(len(ids))]
	if err := tr.write(); err != nil {
		return wrong, err
	}
	if _, err := w.do(request{tr.net, "CHECK", id, faulttest.PrevResult(tr.addrsOf(id))}); err != nil {
		return wrong, err
	}
	if _, err := w.do(request{Net: tr.net, Command: "STATUS"}); err != nil {
		return wrong, err
	}
	if outcome, err = tr.fill(w); err != nil {
		return wrong, err
	}
	if err := tr.requestLeased(w, r); err != nil {
		return wrong, err
	}
	if _, err := w.do(request{Net: tr.net, Command: "DEL", ID: id}); err != nil {
		return wrong, err
	}
	// GC with the second half of the containers as valid attachments.
	_, err = w.do(request{tr.net, "GC", "", faulttest.Attachments(ids[len(ids)/2:]...)})
	return outcome, err
}

func (tr damagedStore) addrsOf(id string) (addrs []netip.Addr) {
	for addr, holder := range tr.now {
		if holder == id {
			addrs = append(addrs, addr)
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return addrs
}

// fill leases all free addresses, none of which may have been leased.
func (tr damagedStore) fill(w *worker) (outcome string, err error) {
	want, given := tr.now, leases{}
	if tr.older() {
		want = leases{}
		for addr, id := range tr.now {
			if tr.before[addr] == id {
				want[addr] = id
			}
		}
	}
	free := tr.net.Size - len(tr.now)/tr.net.Families()
	for i := range tr.net.Size {
		id := "new" + strconv.Itoa(i)
		a, err := w.do(request{Net: tr.net, Command: "ADD", ID: id})
		if err != nil {
			return wrong, err
		}
		if a.Code != 0 {
			break
		}
		if err := tr.checkAdd(a.Out, id, want, given); err != nil {
			return wrong, err
		}
	}
	switch len(given) / tr.net.Families() {
	case free:
		return tr.checkFilled(w, want, given)
	case free + 1:
		return older, nil
	}
	return detected, nil
}

// checkFilled checks that a store that could be filled holds all the leases that it should,
// or that verify reports the damage.
func (tr damagedStore) checkFilled(w *worker, want, given leases) (outcome string, err error) {
	a, err := w.do(request{Net: tr.net, Command: verify})
	if err != nil {
		return wrong, err
	}
	if a.Err != "" {
		return latent, nil
	}
	if a, err = w.do(request{Net: tr.net, Command: holding}); err != nil {
		return wrong, err
	}
	got := leases{}
	for id, addrs := range a.Holding {
		for _, addr := range addrs {
			got[addr] = id
		}
	}
	for _, all := range []leases{want, given} {
		for addr, id := range all {
			if got[addr] != id {
				return wrong, fmt.Errorf("%s is leased to %q, want %q, and verify finds nothing", addr, got[addr], id)
			}
		}
	}
	return harmless, nil
}

// checkAdd checks the answer to an ADD.
func (tr damagedStore) checkAdd(out []byte, id string, want, given leases) error {
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
			return fmt.Errorf("ADD of %s gave %s, which is not in the pool", id, addr)
		case want[addr] != "":
			return fmt.Errorf("ADD of %s gave %s, which %s holds", id, addr, want[addr])
		case given[addr] != "":
			return fmt.Errorf("ADD of %s gave %s, which an ADD gave %s before", id, addr, given[addr])
		}
		given[addr] = id
	}
	return nil
}

// requestLeased requests addresses that are leased.
func (tr damagedStore) requestLeased(w *worker, r *rand.Rand) error {
	addrs := slices.SortedFunc(maps.Keys(tr.before), netip.Addr.Compare)
	for range 3 {
		addr := addrs[r.IntN(len(addrs))]
		if tr.now[addr] != tr.before[addr] {
			continue
		}
		more := map[string]any{"runtimeConfig": map[string]any{"ips": []string{addr.String()}}}
		a, err := w.do(request{tr.net, "ADD", "greedy", more})
		if err != nil {
			return err
		}
		if a.Code == 0 {
			return fmt.Errorf("ADD gave the requested address %s, which %s holds", addr, tr.now[addr])
		}
	}
	return nil
}

// inPool reports whether an address is in the network's pool.
func inPool(n faulttest.Network, addr netip.Addr) bool {
	const first = 10
	host := int(addr.AsSlice()[len(addr.AsSlice())-1])
	rest := netip.MustParsePrefix("10.0.0.0/24")
	if addr.Is6() {
		rest = netip.MustParsePrefix("fd00::/120")
	}
	return rest.Contains(addr) && first <= host && host < first+n.Size
}
