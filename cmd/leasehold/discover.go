package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/netconf"
	"github.com/leasehold/leasehold/internal/stores"
)

// discover returns all networks, sorted by name.
func (t *tool) discover(confs []netconf.Network) (all []network, err error) {
	t.incomplete = nil
	t.dirs = t.dataDirs(confs)
	for _, dir := range t.dirs {
		found, err := t.networksIn(dir)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	all = t.withConfigured(confs, all)
	for _, dir := range t.dirs {
		all, err = t.withWaiting(dir, all)
		t.incomplete = errors.Join(t.incomplete, err)
	}
	slices.SortStableFunc(all, func(a, b network) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.path, b.path))
	})
	unite(all)
	return all, nil
}

// networksIn returns a network for each name in a data directory that a network can have. A
// missing directory has none, unless --data-dir names it.
func (t *tool) networksIn(dir string) (all []network, err error) {
	entries, err := os.ReadDir(dir)
	switch {
	case err != nil && len(t.dataDirFlag) > 0:
		return nil, cmp.Or(exchange.CheckLink(dir), flagPath("--data-dir", err))
	case errors.Is(err, fs.ErrNotExist):
		return nil, exchange.CheckLinks(dir)
	case isNoPath(err):
		return nil, nil
	case err != nil:
		t.incomplete = errors.Join(t.incomplete, err)
		return nil, nil
	}
	for _, e := range entries {
		if config.CheckName(e.Name()) == nil {
			all = append(all, network{name: e.Name(), path: filepath.Join(dir, e.Name())})
		}
	}
	return all, nil
}

// isNoPath reports whether no directory can be at the path of a data directory. The commands of the network
// whose configuration names it say so.
func isNoPath(err error) bool {
	return errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENAMETOOLONG)
}

// withConfigured adds the configurations to their networks, and networks without a store.
func (t *tool) withConfigured(confs []netconf.Network, all []network) []network {
	for _, c := range confs {
		path := t.storePath(c)
		i := slices.IndexFunc(all, func(n network) bool { return n.path == path })
		if i < 0 {
			i = len(all)
			all = append(all, network{name: c.Name, path: path})
		}
		all[i].confs = append(all[i].confs, c)
	}
	return all
}

// withWaiting adds the networks that have only a waiting store: a migration was killed
// between its two renames, so nothing is at the path. Opening such a network moves the store
// into place, as it does for a configured network.
func (t *tool) withWaiting(dir string, all []network) ([]network, error) {
	waiting, err := exchange.WaitingIn(dir)
	if isNoPath(err) {
		err = nil
	}
	for _, w := range waiting {
		i := slices.IndexFunc(all, func(n network) bool {
			return filepath.Dir(n.path) == filepath.Clean(dir) && exchange.At(n.path).Name() == w.Name
		})
		if i < 0 {
			i, all = len(all), append(all, network{name: w.Name, path: filepath.Join(dir, w.Name)})
		}
		all[i] = all[i].readableAt(w.Path)
		if all[i].isWaiting {
			t.warnOnce("%s: its store waits in %s; to move it into place, run a command with the full name of the network, with the file system mounted read-write",
				all[i].name, w.Path)
		}
	}
	return all, err
}

// readableAt returns the network with the path at which its waiting store can be read. The
// store is read where it is if it cannot be moved into place: on a read-only file system, or
// if the network's name is not known because it was too long for a file name in .leasehold,
// where a hash replaces its end.
func (n network) readableAt(waiting string) network {
	if config.CheckName(n.name) == nil && !stores.OnReadOnly(n.path) {
		return n
	}
	n.path, n.isWaiting = waiting, true
	return n
}

// withName returns the network under the given name if that can be its full name: a waiting
// store whose network has a long name is known by the beginning of that name only.
func (n network) withName(name string) network {
	if !n.isWaiting || n.name == name {
		return n
	}
	path := filepath.Join(filepath.Dir(filepath.Dir(n.path)), name)
	if exchange.At(path).Name() != n.name {
		return n
	}
	return network{name: name, path: path}.readableAt(n.path)
}

// findNetwork returns the network with that name. If several data directories have a store
// of that name, it returns the configured network; of networks with one store, the main one.
func (t *tool) findNetwork(name string, all []network) (network, error) {
	if err := config.CheckName(name); err != nil {
		return network{}, err
	}
	var found network
	for _, n := range all {
		n = n.withName(name)
		switch {
		case n.name != name || len(n.confs) < len(found.confs) || found.name != "" && n.main == found.path:
		case found.name != "" && sameStore(n, found):
			found = n
		case found.name != "" && len(n.confs) == len(found.confs):
			return network{}, fmt.Errorf("%s: network is in %s and in %s: choose one with --data-dir",
				name, filepath.Dir(found.path), filepath.Dir(n.path))
		default:
			found = n
		}
	}
	if found.name == "" {
		return network{}, t.unknownError(name, all)
	}
	return found, nil
}

// errUnknown says that a network does not exist.
var errUnknown = errors.New("no such network")

// unknownError returns errUnknown with the names of the networks that exist.
func (t *tool) unknownError(name string, all []network) error {
	names := make([]string, len(all))
	for i, n := range all {
		names[i] = n.name
	}
	found := "no network was found; try another --data-dir or --conf-dir"
	if len(names) > 0 {
		found = "networks found: " + strings.Join(names, ", ")
	}
	if addr, err := parseAddr(name); err == nil {
		found += fmt.Sprintf("; for an address: leasehold who %[1]s, leasehold history --address %[1]s", addr)
	}
	return fmt.Errorf("%s: %w in %s; %s", name, errUnknown, strings.Join(t.dirs, ", "), found)
}
