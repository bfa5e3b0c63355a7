package backend

import "fmt"

// Copy puts all leases and cursors of src, and its boot, into dst and returns
// the number of leases copied. An address that dst has leased already ends it
// with [ErrExists]. What is left behind is what [ContentOf] leaves out.
func Copy(dst Tx, src ReadTx) (int, error) {
	c, err := ContentOf(src)
	if err != nil {
		return 0, err
	}
	n := 0
	for l, err := range c.Leases {
		if err != nil {
			return n, err
		}
		if err := dst.Put(l); err != nil {
			return n, fmt.Errorf("copy %s of %s: %w", l.Addr, l.Owner, err)
		}
		n++
	}
	for set, addr := range c.Cursors {
		if err := dst.SetCursor(set, addr); err != nil {
			return n, fmt.Errorf("copy cursor of range set %s: %w", set, err)
		}
	}
	if c.Boot == "" {
		return n, nil
	}
	return n, dst.SetBoot(c.Boot)
}
