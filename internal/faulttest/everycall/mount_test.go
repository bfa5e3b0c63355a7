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

// A mount is a path that leads to a store wherever that goes, as a mount of the store
// itself does, and takes no rights: a link to the open directory, or another name of the
// file. The directory that it is in has no .leasehold.
type mount struct {
	network faulttest.Network
	open    *os.File
}

// newMount returns one of the store of a network, beside its data directory.
func newMount(n faulttest.Network) (*mount, error) {
	m := &mount{network: n}
	m.network.Dir = n.Dir + "-mounted"
	m.network.Backend = stores.None
	if err := os.MkdirAll(m.network.Dir, 0o755); err != nil {
		return nil, err
	}
	info, err := os.Stat(n.Path())
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return m, os.Link(n.Path(), m.network.Path())
	}
	if m.open, err = os.Open(n.Path()); err != nil {
		return nil, err
	}
	return m, os.Symlink(fmt.Sprintf("/proc/self/fd/%d", m.open.Fd()), m.network.Path())
}

// close ends the mount.
func (m *mount) close() error {
	if m == nil {
		return nil
	}
	if m.open != nil {
		m.open.Close() // It was only looked at.
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

// replaced is the code of a store that was replaced.
const replaced = 103

// refused returns an error unless what the mount leads to is refused altogether.
func (m *mount) refused() error {
	defer m.close()
	for command, err := range map[string]error{
		"ADD": second(m.network.Add("there")), "DEL": m.network.Del("one"),
		"STATUS": second(m.network.Plugin("STATUS", "", nil)),
		"GC":     second(m.network.Plugin("GC", "", faulttest.Attachments())),
	} {
		if code := faulttest.Code(err); code != replaced && !(command == "STATUS" && code != 0) {
			return fmt.Errorf("%s of a store that was replaced: want code %d, got %d: %v", command, replaced, code, err)
		}
	}
	if err := stores.Verify(context.Background(), m.network.Path()); !errors.Is(err, backend.ErrReplaced) {
		return fmt.Errorf("verify of a store that was replaced: %v", err)
	}
	return nil
}

func second[T any](_ T, err error) error { return err }
