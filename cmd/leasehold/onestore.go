package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/netconf"
)

// unite finds the networks that have one store: a symbolic link leads to it, as after a network was renamed, or
// it has several names otherwise (hard links, bind mounts). Each of them gets the configurations of all, and one
// becomes the main network of the store: see [network.main].
func unite(all []network) {
	infos := make([]fs.FileInfo, len(all))
	candidates := make(map[uint64][]int) // A directory of leases that is taken for one of stores has many files.
	for i, n := range all {
		if infos[i] = n.storeInfo(); infos[i] != nil {
			candidates[inode(infos[i])] = append(candidates[inode(infos[i])], i)
		}
	}
	for i := range all {
		if infos[i] == nil {
			continue
		}
		same := slices.DeleteFunc(slices.Clone(candidates[inode(infos[i])]), func(j int) bool {
			return infos[j] == nil || !os.SameFile(infos[i], infos[j])
		})
		if len(same) > 1 {
			uniteThese(all, same)
		}
		for _, j := range same[1:] {
			infos[j] = nil
		}
	}
}

// storeInfo describes the file or directory of a store. It returns nil if the store is missing.
func (n network) storeInfo() fs.FileInfo {
	info, err := os.Stat(n.path)
	if err != nil || !info.IsDir() && !info.Mode().IsRegular() || exchange.CheckLink(n.path) != nil {
		return nil // A command that opens the store returns the error.
	}
	return info
}

// uniteThese is unite for the networks with the given indices.
func uniteThese(all []network, same []int) {
	main := same[0]
	for _, i := range same[1:] {
		if all[i].goesBefore(all[main]) {
			main = i
		}
	}
	own := make(map[int][]netconf.Network, len(same))
	for _, i := range same {
		own[i] = all[i].confs
	}
	for _, i := range same {
		for _, j := range same {
			if j != i {
				all[i].confs = slices.Concat(all[i].confs, own[j])
			}
		}
		if i != main {
			all[i].main = all[main].path
		}
	}
}

// goesBefore reports whether n, rather than another network with the same store, is to be the main one: a network
// that a configuration names goes before one without, and a store before a link to it.
func (n network) goesBefore(other network) bool {
	if (len(n.confs) > 0) != (len(other.confs) > 0) {
		return len(n.confs) > 0
	}
	return !isLink(n.path) && isLink(other.path)
}

func isLink(path string) bool {
	_, err := os.Readlink(path)
	return err == nil
}

// sameStore reports whether two networks have one store.
func sameStore(a, b network) bool {
	return cmp.Or(a.main, a.path) == cmp.Or(b.main, b.path)
}

// oneOfEachStore returns the main network of each store, and records the others in t.namesakes.
func (t *tool) oneOfEachStore(all []network) []network {
	t.namesakes = nil
	return slices.DeleteFunc(slices.Clone(all), func(n network) bool {
		if n.main != "" {
			t.namesakes = append(t.namesakes, n)
		}
		return n.main != ""
	})
}

// namesakeText says that the store of a network has another name, under which it is known.
func (n network) namesakeText() string {
	text := fmt.Sprintf("%s and %s are one store", n.path, n.main)
	for _, path := range []string{n.path, n.main} {
		if target, err := os.Readlink(path); err == nil {
			text += fmt.Sprintf("; %s is a symbolic link to %s", path, target)
		}
	}
	return text
}

// checkOnlyName returns an error if a network cannot be moved to another kind of store because its present one has
// another name: that would not lead to the new store.
func (t *tool) checkOnlyName(n network, to string) error {
	if kind, err := n.kind(); err != nil || kind == to {
		return nil // The migration returns the error, or moves nothing.
	}
	for _, other := range t.discovered {
		switch {
		case other.path == n.path || !sameStore(other, n):
		case isLink(other.path) && to == config.Bolt:
			return fmt.Errorf("%s is a symbolic link to this store, and plugins follow a link only to a directory of leases: "+
				"replace the link by the store itself, or remove it if no network has that name", other.path)
		default:
			return fmt.Errorf("%s is the same store, and would stay behind as a store of its own: leave the store one name", other.path)
		}
	}
	return nil
}
