package files

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

// maxCursor is more than the text of an address takes.
const maxCursor = 256

// Cursor implements [backend.ReadTx]. A file without an address counts as missing. A file that was
// longer before a power cut, or should have been, can end in zeros.
func (t *tx) Cursor(set string) (netip.Addr, error) {
	if err := cmp.Or(t.usable(), storekit.CheckSet(set)); err != nil {
		return netip.Addr{}, err
	}
	if addr, ok := t.cursors[set]; ok {
		return addr, nil
	}
	text, _, err := t.dir.read(cursorPrefix+set, nil, maxCursor)
	if _, isForeign := foreignOwner(err); isForeign || errors.Is(err, fs.ErrNotExist) {
		return netip.Addr{}, storekit.NoCursor(set)
	}
	if err != nil {
		return netip.Addr{}, err
	}
	addr, err := netip.ParseAddr(string(bytes.TrimSpace(bytes.TrimRight(text, "\x00"))))
	if addr = addr.Unmap(); err != nil || backend.ValidateAddr(addr) != nil {
		return netip.Addr{}, storekit.NoCursor(set)
	}
	return addr, nil
}

// Cursors implements [backend.ReadTx].
func (t *tx) Cursors() (map[string]netip.Addr, error) {
	if err := t.usable(); err != nil {
		return nil, err
	}
	l, err := t.list()
	if err != nil {
		return nil, err
	}
	all := map[string]netip.Addr{}
	for _, set := range l.cursors {
		if backend.ValidateSet(set) != nil {
			continue
		}
		addr, err := t.Cursor(set)
		if errors.Is(err, backend.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all[set] = addr
	}
	for set, addr := range t.cursors {
		all[set] = addr
	}
	return all, nil
}

// SetCursor implements [backend.Tx].
func (t *tx) SetCursor(set string, addr netip.Addr) error {
	if err := cmp.Or(t.usable(), storekit.CheckSet(set), storekit.CheckAddr(addr)); err != nil {
		return err
	}
	if t.cursors == nil {
		t.cursors = map[string]netip.Addr{}
	}
	t.cursors[set] = addr
	return nil
}

func (t *tx) writeCursors() error {
	var errs []error
	for set, addr := range t.cursors {
		errs = append(errs, t.dir.writeCursor(cursorPrefix+set, addr.String()))
	}
	return errors.Join(errs...)
}

// writeCursor overwrites the file in place, as the stock plugin does, and does not sync it. A
// torn cursor may read as another address, or none, which costs no more than a turn of the
// round robin.
func (d *dir) writeCursor(name, text string) error {
	if err := d.beforeStep("write", name); err != nil {
		return err
	}
	f, err := d.open(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = overwrite(f, text)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return d.fail("write", name, err)
}

// overwrite truncates last, to use the blocks that the file has: so a full disk does not
// matter.
func overwrite(f *os.File, text string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return foreignKind(info.Mode())
	}
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	if info.Size() <= int64(len(text)) {
		return nil
	}
	if err := f.Truncate(int64(len(text))); err != nil {
		return fmt.Errorf("truncate: %w", cause(err))
	}
	return nil
}
