package fuzz_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	types100 "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/types/create"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
)

// checkAnswer checks the output, and returns the code of the error or 0.
func checkAnswer(t *testing.T, in input, out []byte, failed bool) uint {
	if bytes.Contains(out, []byte(secret)) {
		t.Fatalf("the output leaks the content of a file: %s", out)
	}
	if failed {
		var e types.Error
		if err := json.Unmarshal(out, &e); err != nil || e.Code == 0 || e.Msg == "" {
			t.Fatalf("not a CNI error: %s", out)
		}
		if e.Code == types.ErrInternal {
			t.Fatalf("an unclassified error: %s", out)
		}
		return e.Code
	}
	switch in.command {
	case "ADD":
		readResult(t, in, out)
	case "VERSION":
		if !json.Valid(out) {
			t.Fatalf("no output: %s", out)
		}
	default:
		if len(out) > 0 {
			t.Fatalf("%s answers %s", in.command, out)
		}
	}
	return 0
}

func readResult(t *testing.T, in input, out []byte) *types100.Result {
	result, err := create.Create(in.network.CNIVersion, out)
	if err == nil {
		result, err = result.GetAsVersion("1.0.0")
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return result.(*types100.Result)
}

// rejections returns the codes of errors that occur before the store is opened: version, environment,
// decoding, configuration, an address that can never be leased.
func rejections() []uint { return []uint{1, 2, 4, 6, 7, 106} }

func checkTouched(t *testing.T, w world, in input, code uint, before, after view) {
	for path := range changed(before.files, after.files) {
		switch {
		case in.looksOnly(), slices.Contains(rejections(), code), in.network.Name == "":
			t.Fatalf("%s, code %d, touched %s", in.command, code, path)
		case !mayTouch(w, in.network, path):
			t.Fatalf("%s of network %q in %s touched %s", in.command, in.network.Name, in.network.DataDir, path)
		}
	}
}

func changed(before, after map[string]string) map[string]bool {
	paths := make(map[string]bool)
	for path := range maps.Keys(before) {
		paths[path] = true
	}
	for path := range maps.Keys(after) {
		paths[path] = true
	}
	maps.DeleteFunc(paths, func(path string, _ bool) bool {
		was, is := before[path], after[path]
		return was == is && was != ""
	})
	return paths
}

// mayTouch reports whether path is the store, a temporary name of it, or a missing
// directory above it.
func mayTouch(w world, n config.Network, path string) bool {
	if filepath.Dir(n.Path()) != filepath.Clean(n.DataDir) {
		return false
	}
	made := filepath.Join(n.DataDir, "."+n.Name+".new")
	return within(n.Path(), path) || path == made || within(path, n.Path()) && strings.HasPrefix(path, w.data()+"/")
}

// checkLeases checks that leases were lost and made only by commands that may.
func checkLeases(t *testing.T, in input, failed bool, before, after leases) {
	if before == nil {
		return // There was nothing to read.
	}
	if after == nil {
		t.Fatal("the leases can no longer be read")
	}
	for addr, owner := range before {
		if now, ok := after[addr]; (!ok || now != owner) && !mayLose(in, failed, owner) {
			t.Fatalf("%s made %s lose its address %s", in.command, owner, addr)
		}
	}
	for addr, owner := range after {
		if _, ok := before[addr]; !ok && (in.command != "ADD" || failed) {
			t.Fatalf("%s, failed %v, leased %s to %s", in.command, failed, addr, owner)
		}
	}
}

func mayLose(in input, failed bool, owner backend.Owner) bool {
	switch {
	case failed && in.command != "GC": // which releases what it can
		return false
	case in.command == "ADD":
		return owner.IsZero() // when nothing else is left
	case in.command == "DEL":
		return covers(in.attachment(), owner)
	}
	_, valid, err := config.ParseAttachments(in.stdin)
	listed := func(o backend.Owner) bool { return covers(o, owner) }
	return in.command == "GC" && err == nil && (owner.IsZero() || !slices.ContainsFunc(valid, listed))
}

// covers is an independent implementation of backend.Owner.Covers.
func covers(a, b backend.Owner) bool {
	if a.ContainerID != b.ContainerID {
		return false
	}
	return a.IfName == b.IfName || a.IfName == "" || b.IfName == ""
}

// checkAdded checks that the store has the leases of the result.
func checkAdded(t *testing.T, in input, out []byte, after leases) {
	c, err := config.Parse(in.stdin, in.args)
	if err != nil {
		t.Fatalf("an ADD succeeded despite: %v", err)
	}
	addrs := c.Requested
	result := readResult(t, in, out)
	if len(result.IPs) != len(c.Pool.Sets()) {
		t.Fatalf("%d addresses of %d range sets", len(result.IPs), len(c.Pool.Sets()))
	}
	for _, ip := range result.IPs {
		addr, _ := netip.AddrFromSlice(ip.Address.IP)
		if addr = addr.Unmap(); !c.Pool.Contains(addr) {
			t.Fatalf("%s is in no range", addr)
		}
		addrs = append(addrs, addr)
	}
	for _, addr := range addrs {
		if !covers(after[addr], in.attachment()) {
			t.Fatalf("%s was requested or returned, but is leased to %s", addr, after[addr])
		}
	}
}

// checkGivenBack checks that a DEL undoes an ADD.
func checkGivenBack(t *testing.T, w world, in input, before leases) {
	in.command = "DEL"
	if out, failed := in.execute(); failed {
		t.Fatalf("DEL after an ADD: %s", out)
	}
	for addr, owner := range w.look(in.network).leases {
		if owner == in.attachment() {
			t.Fatalf("%s is leased to %s after its DEL", addr, owner)
		}
		if _, ok := before[addr]; !ok {
			t.Fatalf("ADD and DEL left %s, of %s", addr, owner)
		}
	}
}
