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

// A mount is a path that leads to a store wherever that goes: a mount of the store itself.
// Without the right to mount it is a link to the open directory, or another name of the
// file. The directory that it is in has no .leasehold.
type mount struct {
	network faulttest.Network
	end     func() error
}

// newMount returns one of the store of a network, beside its data directory.
func newMount(n faulttest.Network) (*mount, error) {
	m := &mount{network: n}
	m.network.Dir = n.Dir + "-mounted"
	m.network.Backend = stores.None
	info, err := os.Stat(n.Path())
	if err != nil {
		return nil, err
	}
	at := m.network.Path()
	if err := os.MkdirAll(m.network.Dir, 0o755); err != nil {
		return nil, err
	}
	if info.IsDir() {
		err = os.Mkdir(at, 0o755)
	} else {
		err = os.WriteFile(at, nil, 0o600)
	}
	if err != nil {
		return nil, err
	}
	end, ok := faulttest.Bind(n.Path(), at)
	if ok {
		m.end = end
		return m, nil
	}
	if err := os.Remove(at); err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return m, os.Link(n.Path(), at)
	}
	dir, err := os.Open(n.Path())
	if err != nil {
		return nil, err
	}
	m.end = dir.Close
	return m, os.Symlink(fmt.Sprintf("/proc/self/fd/%d", dir.Fd()), at)
}

// close ends the mount, if there is one and it has not ended.
func (m *mount) close() error {
	if m == nil {
		return nil
	}
	if end := m.end; end != nil {
		m.end = nil
		if err := end(); err != nil {
			return err
		}
	}
	return os.RemoveAll(m.network.Dir)
}

// usable returns an error if what the mount leads to and the store of the network lease
// the same addresses: if either is refused, or they are one store, they do not.
func (m *mount) usable(n faulttest.Network) error {
	there, thereErr := m.network.Add("there")
	here, err := n.Add("here")
	if err != nil {
		return fmt.Errorf("ADD beside another mount: %w", err)
	}
	if thereErr == nil && slices.ContainsFunc(here, func(a netip.Addr) bool { return slices.Contains(there, a) }) {
		return fmt.Errorf("%v is leased here and, through another mount, there", here)
	}
	if thereErr == nil {
		if err := m.network.Del("there"); err != nil {
			return err
		}
	} else if faulttest.Code(thereErr) != replaced {
		return fmt.Errorf("ADD through another mount: want code %d, got %w", replaced, thereErr)
	}
	return n.Del("here")
}

// isOther reports whether the mount leads to another store than the network has.
func (m *mount) isOther(n faulttest.Network) (bool, error) {
	there, err := os.Stat(m.network.Path())
	if err != nil {
		return false, err
	}
	here, err := os.Stat(n.Path())
	return err == nil && !os.SameFile(here, there), err
}

// replaced is the code of a store that was replaced.
const replaced = 103

// refused returns an error unless what the mount leads to is refused altogether. A
// directory that was removed may be read: it is empty.
func (m *mount) refused() error {
	if err := m.readable(); err != nil {
		return err
	}
	for command, err := range map[string]error{
		"ADD": second(m.network.Add("there")), "DEL": m.network.Del("one"),
		"GC": second(m.network.Plugin("GC", "", faulttest.Attachments())),
	} {
		if code := faulttest.Code(err); code != replaced {
			return fmt.Errorf("%s of a store that was replaced: want code %d, got %d: %v", command, replaced, code, err)
		}
	}
	return nil
}

func (m *mount) readable() error {
	if entries, _ := os.ReadDir(m.network.Path()); len(entries) == 0 { // or it cannot be read, where it was removed
		return nil
	}
	if _, err := m.network.Plugin("STATUS", "", nil); err == nil {
		return errors.New("STATUS of a store that was replaced: want an error")
	}
	if err := stores.Verify(context.Background(), m.network.Path()); !errors.Is(err, backend.ErrReplaced) {
		return fmt.Errorf("verify of a store that was replaced: %v", err)
	}
	return nil
}

func second[T any](_ T, err error) error { return err }
