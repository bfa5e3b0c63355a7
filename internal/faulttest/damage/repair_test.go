package damage

import (
	"fmt"
	"strings"

	"github.com/leasehold/leasehold/internal/migrate"
)

// repair repairs the damaged store and checks its leases.
func (tr damagedStore) repair(w *worker) error {
	if err := tr.write(); err != nil {
		return err
	}
	sure := true
	a, err := w.do(request{Net: tr.net, Command: repair})
	if err == nil && a.Loss {
		sure = false
		a, err = w.do(request{Net: tr.net, Command: repairAll})
	}
	if err != nil {
		return err
	}
	if a.Err != "" {
		return tr.unrepaired(a)
	}
	return tr.repaired(w, sure)
}

// unrepaired returns an error unless the repair had to be refused: a store that may be of a
// later version is not touched.
func (tr damagedStore) unrepaired(a answer) error {
	if strings.Contains(a.Err, "unknown store format") {
		return nil
	}
	return fmt.Errorf("repair: %s", a.Err)
}

func (tr damagedStore) repaired(w *worker, sure bool) error {
	a, err := w.do(request{Net: tr.net, Command: verify})
	if err != nil {
		return err
	}
	if a.Err != "" {
		return fmt.Errorf("after repair: %s", a.Err)
	}
	if a, err = w.do(request{Net: tr.net, Command: holding}); err != nil {
		return err
	}
	got := leases{}
	for id, addrs := range a.Holding {
		for _, addr := range addrs {
			got[addr] = id
			if !tr.everLeased[lease{addr, id}] && !tr.foreign[lease{addr, id}] && id != migrate.LostContainer {
				return fmt.Errorf("after repair %s holds %s, which it never held", id, addr)
			}
		}
	}
	for addr, id := range tr.now {
		if sure && got[addr] == "" && !(tr.older() && tr.before[addr] != id) {
			return fmt.Errorf("after repair %s, which %s holds, is free", addr, id)
		}
	}
	return nil
}
