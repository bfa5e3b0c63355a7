package fuzz_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/stores"
)

// A world is a directory tree with the data directory, and files that the plugin must not
// touch.
type world struct {
	t    *testing.T
	root string
}

// secret is in files that the plugin must not read.
const secret = "swordfish"

func newWorld(t *testing.T) world {
	memory := "/dev/shm"
	if _, err := os.Stat(memory); err != nil {
		memory = ""
	}
	root, err := os.MkdirTemp(memory, "leasehold-fuzz-")
	if err != nil {
		t.Fatal(err)
	}
	w := world{t, root}
	w.must(os.Mkdir(w.data(), 0o755))
	w.must(os.Mkdir(filepath.Join(root, "outside"), 0o755))
	w.must(os.WriteFile(w.outside(), []byte(secret), 0o600))
	w.must(os.WriteFile(w.resolv(), []byte("nameserver 192.0.2.1\npassword "+secret+"\n"+secret+"\nsearch\n"), 0o600))
	return w
}

func (w world) end() { w.must(os.RemoveAll(w.root)) }

func (w world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w world) data() string    { return filepath.Join(w.root, "data") }
func (w world) outside() string { return filepath.Join(w.root, "outside", "file") }
func (w world) resolv() string  { return filepath.Join(w.root, "resolv.conf") }

// confine sets in.stdin to stdin with all paths inside the world, which DATA and RESOLV
// stand for. If the data directory is elsewhere, it is given a second time, because the
// last one counts in JSON. It returns false if that does not help.
func (w world) confine(in *input, stdin []byte) bool {
	stdin = bytes.ReplaceAll(stdin, []byte("DATA"), []byte(w.data()))
	in.stdin = bytes.ReplaceAll(stdin, []byte("RESOLV"), []byte(w.resolv()))
	for range 2 {
		c, err := config.Parse(in.stdin, in.args)
		if err == nil && c.ResolvConf != "" && c.ResolvConf != w.resolv() {
			return false // It would be read.
		}
		if in.network, err = config.ParseNetwork(in.stdin); err != nil {
			in.network = config.Network{}
			return true // There is no network.
		}
		if within(w.data(), in.network.DataDir) {
			return true
		}
		object, _ := bytes.CutSuffix(bytes.TrimSpace(in.stdin), []byte("}"))
		in.stdin = fmt.Appendf(nil, `%s, "ipam": {"dataDir": %q}}`, object, w.data())
	}
	return false
}

func within(dir, path string) bool {
	path = filepath.Clean(path)
	return path == dir || strings.HasPrefix(path, dir+string(filepath.Separator))
}

// What can be at the path of the store.
const (
	empty       byte = iota
	filesStore       // with another container's lease and a torn one; a copy without a lock
	boltStore        // with another container's lease
	rubbish          // a file that is not a store
	link             // a symbolic link to a file outside
	oddStore         // a directory with links in place of the files of a store
	unfinished       // a link in place of a bolt store under construction
	underRepair      // a link in place of .leasehold
	kinds
)

// other is the lease that exists already.
var other = backend.Lease{
	Addr:  netip.MustParseAddr("10.1.2.2"),
	Owner: backend.Owner{ContainerID: "other", IfName: "eth0"},
}

// occupy puts what at the path of the store, unless the name is impossible.
func (w world) occupy(n config.Network, what byte) {
	const longest = 200 // leaves room for suffixes
	if what == empty || n.Name == "" || len(n.Name) > longest || os.MkdirAll(n.DataDir, 0o755) != nil {
		return
	}
	switch at := n.Path(); what {
	case filesStore:
		w.put(at, config.Files)
		w.must(os.WriteFile(filepath.Join(at, "10.1.2.3"), nil, 0o600))
		w.must(os.Remove(filepath.Join(at, "lock")))
	case boltStore:
		w.put(at, config.Bolt)
	case rubbish:
		w.must(os.WriteFile(at, []byte(strings.Repeat("rubbish", 5000)), 0o600))
	case link:
		w.must(os.Symlink(w.outside(), at))
	case oddStore:
		w.must(os.Mkdir(at, 0o755))
		for _, name := range []string{"lock", "last_reserved_ip.0", "10.1.2.2", ".leasehold-undo", "last_reserved_ip..leasehold-undo", ".leasehold-new.10.1.2.3"} {
			w.must(os.Symlink(w.outside(), filepath.Join(at, name)))
		}
	case unfinished:
		w.must(os.Symlink(w.outside(), filepath.Join(n.DataDir, "."+n.Name+".new")))
	case underRepair:
		w.must(os.Symlink(filepath.Dir(w.outside()), filepath.Join(n.DataDir, ".leasehold")))
	}
}

func (w world) put(path, kind string) {
	store, _, err := stores.Open(path, kind)
	w.must(err)
	w.must(store.Update(context.Background(), func(tx backend.Tx) error { return tx.Put(other) }))
}

// A view is a snapshot of the world.
type view struct {
	files map[string]string // what is at each path
	leases
}

func (w world) look(n config.Network) view {
	v := view{files: make(map[string]string)}
	w.must(filepath.WalkDir(w.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		v.files[path], err = describe(path, info)
		return err
	}))
	if n.Name == "" {
		return v
	}
	v.leases = leasesAt(n.Path())
	return v
}

func describe(path string, info fs.FileInfo) (string, error) {
	text := info.Mode().String()
	switch {
	case info.Mode().IsRegular():
		content, err := os.ReadFile(path)
		return text + string(content), err
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return text + target, err
	}
	return text, nil
}

func leasesAt(path string) leases {
	store, _, err := stores.Open(path, stores.None)
	if err != nil {
		return nil
	}
	all := make(leases)
	err = store.View(context.Background(), func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			all[l.Addr] = l.Owner
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return all
}
