package bolt

import "github.com/leasehold/leasehold/backend/bolt/internal/format"

// numberOf returns the number of a boot. A boot without one gets the next number.
func (t *session) numberOf(boot string) (number uint64, err error) {
	switch boot {
	case "":
		return 0, nil
	case t.cache.boot:
		return t.cache.bootNumber, nil
	}
	if number, err = t.findBoot(boot); err == nil {
		t.cache.boot, t.cache.bootNumber = boot, number
	}
	return number, err
}

func (t *session) findBoot(boot string) (uint64, error) {
	i := t.boots.iterate()
	k, v := i.Last() // mostly the present boot
	last, err := format.ParseBootNumber(k)
	if err != nil {
		return 0, t.store.damaged(err)
	}
	for ; k != nil; k, v = i.Prev() {
		if string(v) == boot {
			return format.ParseBootNumber(k)
		}
	}
	return last + 1, t.boots.Put(format.BootNumber(last+1), []byte(boot))
}

// bootOf returns the boot with a number, or an empty string if its name was lost.
func (t *session) bootOf(number uint64) string {
	if number != t.cache.bootNumber {
		t.cache.boot, t.cache.bootNumber = string(t.boots.Get(format.BootNumber(number))), number
	}
	return t.cache.boot
}
