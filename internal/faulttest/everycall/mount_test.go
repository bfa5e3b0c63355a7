package everycall

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/stores"
)

// A mount shows a store at another path, in a directory without .leasehold, whatever
// happens to the store's own path. Without the right to mount it is a symbolic link to the
// open directory, or a hard link to the file.
type mount struct {
	network faulttest.Network
	unmount func() error
}

// newMount returns a mount of the network's store, beside its data directory.
func newMount(n faulttest.Network) (*mount, error) {
	m := &mount{network: n}
	m.network.Dir = n.Dir + "-mounted"
	m.network.Backend = stores.None
	info, err := os.Stat(n.Path())
	if err != nil {
		return nil, err
	}
	path := m.network.Path()
	if err := os.MkdirAll(m.network.Dir, 0o755); err != nil {
		return nil, err
	}
	if info.IsDir() {
		err = os.Mkdir(path, 0o755)
	} else {
		err = os.WriteFile(path, nil, 0o600)
	}
	if err != nil {
		return nil, err
	}
	unmount, ok := faulttest.Bind(n.Path(), path)
	if ok {
		m.unmount = unmount
		return m, nil
	}
	if err := os.Remove(path); err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return m, os.Link(n.Path(), path)
	}
	dir, err := os.Open(n.Path())
	if err != nil {
		return nil, err
	}
	m.unmount = dir.Close
	return m, os.Symlink(fmt.Sprintf("/proc/self/fd/%d", dir.Fd()), path)
}

// close unmounts. A nil or closed mount is no error.
func (m *mount) close() error {
	if m == nil {
		return nil
	}
	if unmount := m.unmount; unmount != nil {
		m.unmount = nil
		if err := unmount(); err != nil {
			return err
		}
	}
	return os.RemoveAll(m.network.Dir)
}

// checkNoDoubleLease checks that an ADD through the mount and one in the network do not
// lease the same address: either both reach the same store, or the ADD through the mount is
// rejected.
func (m *mount) checkNoDoubleLease(n faulttest.Network) error {
	there, thereErr := m.network.Add("there")
	here, err := n.Add("here")
	if err != nil {
		return fmt.Errorf("ADD in the network: %w", err)
	}
	if thereErr == nil && slices.ContainsFunc(here, func(a netip.Addr) bool { return slices.Contains(there, a) }) {
		return fmt.Errorf("%v was leased in the network and again through the mount", here)
	}
	if thereErr == nil {
		if err := m.network.Del("there"); err != nil {
			return err
		}
	} else if faulttest.Code(thereErr) != codeReplaced {
		return fmt.Errorf("ADD through the mount: want code %d, got %w", codeReplaced, thereErr)
	}
	return n.Del("here")
}

// leadsElsewhere reports whether the mount shows another store than the network has.
func (m *mount) leadsElsewhere(n faulttest.Network) (bool, error) {
	there, err := os.Stat(m.network.Path())
	if err != nil {
		return false, err
	}
	here, err := os.Stat(n.Path())
	return err == nil && !os.SameFile(here, there), err
}

// codeReplaced is the error code of a store that was replaced.
const codeReplaced = 103

// checkRejected checks that every command on the mounted store is rejected. An old
// directory that was emptied may be read.
func (m *mount) checkRejected() error {
	if err := m.checkReadsRejected(); err != nil {
		return err
	}
	for command, err := range map[string]error{
		"ADD": errOnly(m.network.Add("there")), "DEL": m.network.Del("one"),
		"GC": errOnly(m.network.Plugin("GC", "", faulttest.Attachments())),
	} {
		if code := faulttest.Code(err); code != codeReplaced {
			return fmt.Errorf("%s of a replaced store: want code %d, got %d: %v", command, codeReplaced, code, err)
		}
	}
	return nil
}

func (m *mount) checkReadsRejected() error {
	if entries, _ := os.ReadDir(m.network.Path()); len(entries) == 0 { // ReadDir fails if the directory was removed
		return nil
	}
	if _, err := m.network.Plugin("STATUS", "", nil); err == nil {
		return errors.New("STATUS of a replaced store: want an error")
	}
	if err := stores.Verify(context.Background(), m.network.Path()); !errors.Is(err, backend.ErrReplaced) {
		return fmt.Errorf("verify of a replaced store: %v", err)
	}
	return nil
}

func errOnly[T any](_ T, err error) error { return err }
