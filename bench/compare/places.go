package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/bench/compare/internal/machine"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
)

// places makes a directory on each file system, and returns what removes them. Their
// paths are absolute: the programs run elsewhere.
func (o options) places() (all []part.Place, remove func(), err error) {
	remove = func() {
		for _, p := range all {
			os.RemoveAll(p.Dir) // the results stand, whatever cannot be removed
		}
	}
	for _, parent := range o.parents() {
		p, err := makePlace(parent)
		if err != nil {
			remove()
			return nil, nil, err
		}
		all = append(all, p)
	}
	switch {
	case len(all) == 0:
		err = errors.New("neither -disk nor -tmpfs names a directory to make stores in")
	case len(all) == 2 && all[0].Name == all[1].Name:
		err = fmt.Errorf("-disk %s is on a %s as well; name a directory on a disk", o.disk, all[0].Name)
	}
	if err != nil {
		remove()
	}
	return all, remove, err
}

// parents returns the directories that were asked for. A machine may have no tmpfs, and
// then nothing is measured on it.
func (o options) parents() []string {
	var all []string
	if o.disk != "" {
		all = append(all, o.disk)
	}
	if o.tmpfs == "" {
		return all
	}
	if machine.FileSystemOf(o.tmpfs).Type != "tmpfs" {
		fmt.Fprintf(os.Stderr, "%s is on no tmpfs: nothing is measured there\n", o.tmpfs)
		return all
	}
	return append(all, o.tmpfs)
}

func makePlace(parent string) (part.Place, error) {
	dir, err := os.MkdirTemp(parent, "leasehold-compare-")
	if err != nil {
		return part.Place{}, err
	}
	abs, err := filepath.Abs(dir)
	return part.Place{Name: machine.FileSystemOf(dir).Type, Dir: abs}, err
}
