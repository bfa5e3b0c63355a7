package bolt

import (
	"encoding/binary"
	"errors"
)

// A lease names its boot by a number: there are few boots, and many leases of
// each. The bucket boots has the names. Numbers begin at 1 and are never used
// again; 0 stands for a boot that is not known.

func bootNumber(n uint64) []byte {
	return binary.BigEndian.AppendUint64(nil, n)
}

// numberOf returns the number of a boot, and gives it the next one if it has none.
func (t *session) numberOf(boot string) (number uint64, err error) {
	switch boot {
	case "":
		return 0, nil
	case t.memo.boot:
		return t.memo.bootNumber, nil
	}
	if number, err = t.findBoot(boot); err == nil {
		t.memo.boot, t.memo.bootNumber = boot, number
	}
	return number, err
}

func (t *session) findBoot(boot string) (uint64, error) {
	c := t.boots.Cursor()
	k, v := c.Last() // mostly the present one
	last, err := parseBootNumber(k)
	if err != nil {
		return 0, t.store.damaged(err)
	}
	for ; k != nil; k, v = c.Prev() {
		if string(v) == boot {
			return parseBootNumber(k)
		}
	}
	return last + 1, t.boots.Put(bootNumber(last+1), []byte(boot))
}

// bootOf returns the boot of a number. One whose name was lost is not known.
func (t *session) bootOf(number uint64) string {
	if number != t.memo.bootNumber {
		t.memo.boot, t.memo.bootNumber = string(t.boots.Get(bootNumber(number))), number
	}
	return t.memo.boot
}

// parseBootNumber returns 0 for no key.
func parseBootNumber(key []byte) (uint64, error) {
	switch len(key) {
	case 0:
		return 0, nil
	case 8:
		return binary.BigEndian.Uint64(key), nil
	}
	return 0, errors.New("the key of a boot has an impossible length")
}
