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

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/netconf"
	"github.com/leasehold/leasehold/internal/stores"
)

// discover returns all networks, by name.
func (t *tool) discover(confs []netconf.Network) ([]network, error) {
	var all []network
	t.unseen = nil
	t.dirs = t.dataDirs(confs)
	for _, dir := range t.dirs {
		entries, err := os.ReadDir(dir)
		switch {
		case err != nil && len(t.dataDirFlag) > 0:
			return nil, cmp.Or(exchange.CheckLink(dir), flagPath("--data-dir", err))
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, err
		case err != nil:
			if err := exchange.CheckLinks(dir); err != nil {
				return nil, err
			}
		}
		for _, e := range entries {
			if config.CheckName(e.Name()) == nil {
				all = append(all, network{name: e.Name(), path: filepath.Join(dir, e.Name())})
			}
		}
	}
	for _, c := range confs {
		path := t.pathOf(c)
		i := slices.IndexFunc(all, func(n network) bool { return n.path == path })
		if i < 0 {
			i = len(all)
			all = append(all, network{name: c.Name, path: path})
		}
		all[i].confs = append(all[i].confs, c)
	}
	for _, dir := range t.dirs {
		var err error
		all, err = t.withWaiting(dir, all)
		t.unseen = errors.Join(t.unseen, err)
	}
	slices.SortStableFunc(all, func(a, b network) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.path, b.path))
	})
	return all, nil
}

// withWaiting adds the networks whose only trace is a store that waits for its place: a
// migration was killed between its two renames, and nothing is at the path. The commands
// then put the store there, as they do for networks that are configured.
func (t *tool) withWaiting(dir string, all []network) ([]network, error) {
	waiting, err := exchange.WaitingIn(dir)
	for _, w := range waiting {
		i := slices.IndexFunc(all, func(n network) bool {
			return filepath.Dir(n.path) == filepath.Clean(dir) && exchange.At(n.path).Name() == w.Name
		})
		if i < 0 {
			i, all = len(all), append(all, network{name: w.Name, path: filepath.Join(dir, w.Name)})
		}
		all[i] = all[i].readable(w.Path)
		if all[i].waits {
			t.warnOnce("%s: its store waits in %s; to put it in its place, give a command the whole name of the network, where the file system can be written to",
				all[i].name, w.Path)
		}
	}
	return all, err
}

// readable returns the network, whose store waits at a path, as one that can be read. It is
// read where it waits if it cannot be put in its place: on a read-only file system, or if
// the name of the network was too long for a file in .leasehold, where its end is a hash.
func (n network) readable(waiting string) network {
	if config.CheckName(n.name) == nil && !stores.OnReadOnly(n.path) {
		return n
	}
	n.path, n.waits = waiting, true
	return n
}

// called returns the network as one of that name if it can be: a store that waits has only
// the beginning of a name that is too long.
func (n network) called(name string) network {
	if !n.waits || n.name == name {
		return n
	}
	path := filepath.Join(filepath.Dir(filepath.Dir(n.path)), name)
	if exchange.At(path).Name() != n.name {
		return n
	}
	return network{name: name, path: path}.readable(n.path)
}

// find returns the network of that name: the one that is configured, where stores of
// one name stand under several directories.
func (t *tool) find(name string, all []network) (network, error) {
	if err := config.CheckName(name); err != nil {
		return network{}, err
	}
	var found network
	for _, n := range all {
		n = n.called(name)
		switch {
		case n.name != name || len(n.confs) < len(found.confs):
		case found.name != "" && len(n.confs) == len(found.confs):
			return network{}, fmt.Errorf("%s: there is one in %s and one in %s; say which by --data-dir",
				name, filepath.Dir(found.path), filepath.Dir(n.path))
		default:
			found = n
		}
	}
	if found.name == "" {
		return network{}, t.unknown(name, all)
	}
	return found, nil
}

// errUnknown says that a network does not exist.
var errUnknown = errors.New("no such network")

// unknown says so of a network, and which there are.
func (t *tool) unknown(name string, all []network) error {
	names := make([]string, len(all))
	for i, n := range all {
		names[i] = n.name
	}
	there := "none is there; name another place with --data-dir, or --conf-dir"
	if len(names) > 0 {
		there = "there are: " + strings.Join(names, ", ")
	}
	return fmt.Errorf("%s: %w in %s; %s", name, errUnknown, strings.Join(t.dirs, ", "), there)
}
