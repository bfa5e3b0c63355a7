package faulttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/containernetworking/cni/pkg/types"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/hostlocal"
	"github.com/leasehold/leasehold/internal/stores"
)

// A Network is a network with a small pool. Its methods call the plugin, in this process or
// in a new one.
type Network struct {
	Dir     string // the data directory
	Backend string // config.Files, config.Bolt, or "" for the existing store
	Dual    bool   // dual stack; otherwise IPv4 only
	Size    int    // number of addresses of each family, at most 200

	Keys    map[string]any // further keys of "ipam"
	Program string         // the plugin to execute; if "", it runs in this process
}

// Name is the name of every Network.
const Name = "podnet"

// Path returns the path of the store.
func (n Network) Path() string { return filepath.Join(n.Dir, Name) }

// Families returns the number of addresses that each container gets.
func (n Network) Families() int {
	if n.Dual {
		return 2
	}
	return 1
}

// Config returns the network configuration, with further top-level keys.
func (n Network) Config(more map[string]any) []byte {
	first, last := 10, 10+n.Size-1
	ranges := [][]map[string]string{{{
		"subnet":     "10.0.0.0/24",
		"rangeStart": fmt.Sprintf("10.0.0.%d", first), "rangeEnd": fmt.Sprintf("10.0.0.%d", last),
	}}}
	if n.Dual {
		ranges = append(ranges, []map[string]string{{
			"subnet":     "fd00::/64",
			"rangeStart": fmt.Sprintf("fd00::%x", first), "rangeEnd": fmt.Sprintf("fd00::%x", last),
		}})
	}
	ipam := map[string]any{"type": "host-local", "dataDir": n.Dir, "ranges": ranges}
	if n.Backend != "" {
		ipam["backend"] = n.Backend
	}
	maps.Copy(ipam, n.Keys)
	conf := map[string]any{"cniVersion": "1.1.0", "name": Name, "type": "bridge", "ipam": ipam}
	maps.Copy(conf, more)
	text, err := json.Marshal(conf)
	if err != nil {
		panic(err) // the values come from tests
	}
	return text
}

// IfName is the interface name of every attachment.
const IfName = "eth0"

// Pod returns the pod of a container, whose name is the ID up to the first dot. Without "prefer" no
// container is in a pod.
func (n Network) Pod(id string) backend.Pod {
	if n.Keys["prefer"] == nil {
		return backend.Pod{}
	}
	name, _, _ := strings.Cut(id, ".")
	return backend.Pod{Namespace: "pods", Name: name}
}

// env returns the environment of a plugin command.
func (n Network) env(command, id string) map[string]string {
	e := map[string]string{
		"CNI_COMMAND": command, "CNI_CONTAINERID": id,
		"CNI_NETNS": "/run/netns/" + id, "CNI_IFNAME": IfName, "CNI_PATH": "/opt/cni/bin",
	}
	if command == "GC" || command == "STATUS" {
		delete(e, "CNI_CONTAINERID")
	}
	if pod := n.Pod(id); pod != (backend.Pod{}) {
		e["CNI_ARGS"] = "IgnoreUnknown=1;K8S_POD_NAMESPACE=" + pod.Namespace + ";K8S_POD_NAME=" + pod.Name
	}
	return e
}

// With returns the network with one more key in "ipam".
func (n Network) With(key string, value any) Network {
	n.Keys = maps.Clone(n.Keys)
	if n.Keys == nil {
		n.Keys = make(map[string]any)
	}
	n.Keys[key] = value
	return n
}

// Plugin performs a command and returns the output of the plugin. The error is a
// [*types.Error] if the plugin printed a CNI error, as it should.
func (n Network) Plugin(command, id string, more map[string]any) ([]byte, error) {
	if n.Program != "" {
		out, err := n.Command(n.Program, command, id, more).Output()
		if err != nil {
			err = parseError(out)
		}
		return out, err
	}
	var out, diagnostics bytes.Buffer
	e := n.env(command, id)
	p := hostlocal.Plugin{
		Getenv: func(key string) string { return e[key] },
		Stdin:  bytes.NewReader(n.Config(more)),
		Stdout: &out, Stderr: &diagnostics,
		Version: func() string { return "test" },
	}
	if p.Run() != 0 {
		return nil, parseError(out.Bytes())
	}
	return out.Bytes(), nil
}

// parseError returns the CNI error in the plugin's output. It returns an error of another
// type if there is none.
func parseError(out []byte) error {
	e := new(types.Error)
	if err := json.Unmarshal(out, e); err != nil || e.Code == 0 {
		return fmt.Errorf("not a CNI error: %q", out)
	}
	return e
}

// Command returns the command that runs the plugin at path.
func (n Network) Command(path, command, id string, more map[string]any) *exec.Cmd {
	cmd := exec.Command(path)
	// GORACE is for a test that is executed as the plugin.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "GORACE=" + os.Getenv("GORACE")}
	for key, value := range n.env(command, id) {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	cmd.Stdin = bytes.NewReader(n.Config(more))
	return cmd
}

// Tool returns the command that runs leasehold, installed at path, on the network's data
// directory.
func (n Network) Tool(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, append([]string{"--conf-dir", filepath.Join(n.Dir, "no-conf"), "--data-dir", n.Dir}, args...)...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	return cmd
}

// Addresses returns the addresses in the result of an ADD.
func Addresses(out []byte) ([]netip.Addr, error) {
	var result struct {
		IPs []struct{ Address netip.Prefix }
	}
	if err := json.Unmarshal(out, &result); err != nil {
		return nil, fmt.Errorf("%w: %q", err, out)
	}
	addrs := make([]netip.Addr, 0, len(result.IPs))
	for _, ip := range result.IPs {
		addrs = append(addrs, ip.Address.Addr())
	}
	return addrs, nil
}

// Add performs ADD and returns the leased addresses.
func (n Network) Add(id string) ([]netip.Addr, error) {
	out, err := n.Plugin("ADD", id, nil)
	if err != nil {
		return nil, err
	}
	return Addresses(out)
}

// Del performs DEL.
func (n Network) Del(id string) error {
	_, err := n.Plugin("DEL", id, nil)
	return err
}

// PrevResult returns the configuration keys that CHECK needs.
func PrevResult(addrs []netip.Addr) map[string]any {
	ips := make([]map[string]string, 0, len(addrs))
	for _, addr := range addrs {
		bits := 24
		if addr.Is6() {
			bits = 64
		}
		ips = append(ips, map[string]string{"address": netip.PrefixFrom(addr, bits).String()})
	}
	return map[string]any{"prevResult": map[string]any{"cniVersion": "1.1.0", "ips": ips}}
}

// Attachments returns the configuration keys that GC needs.
func Attachments(ids ...string) map[string]any {
	valid := []map[string]string{}
	for _, id := range ids {
		valid = append(valid, map[string]string{"containerID": id, "ifname": IfName})
	}
	return map[string]any{"cni.dev/valid-attachments": valid}
}

// A Holding maps each container to its addresses, in order.
type Holding map[string][]netip.Addr

// Holding returns the addresses held in the store. The store checks each record it reads.
func (n Network) Holding(ctx context.Context) (Holding, error) {
	h := make(Holding)
	err := stores.Follow(n.Path()).View(ctx, func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			h[l.Owner.ContainerID] = append(h[l.Owner.ContainerID], l.Addr)
		}
		return nil
	})
	return h, err
}

// Leftovers lists files of migrations other than the stores that were replaced.
func (n Network) Leftovers() (names []string, err error) {
	entries, err := os.ReadDir(filepath.Join(n.Dir, ".leasehold"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		replaced := strings.HasPrefix(e.Name(), Name+".before-migration-") && !strings.HasSuffix(e.Name(), ".next")
		if e.Name() != "lock" && e.Name() != Name+".lock" && !replaced {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Unmarked lists stores that a migration or repair has replaced without marking them.
// Through another mount they could still be used.
func (n Network) Unmarked() (paths []string, err error) {
	dir := filepath.Join(n.Dir, ".leasehold")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	here, _ := os.Lstat(n.Path()) // nil if there is no store
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		if !wasReplaced(e.Name(), info) || here != nil && os.SameFile(here, info) {
			continue
		}
		if info.IsDir() {
			info, err = os.Lstat(filepath.Join(path, "lock"))
		}
		if err != nil || !exchange.Marked(info) {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// wasReplaced reports whether an entry of .leasehold is a store that was in use. The name
// of a new store tells its kind; after an exchange the old store, of the other kind, has
// that name.
func wasReplaced(name string, info fs.FileInfo) bool {
	switch {
	case strings.HasPrefix(name, Name+".before-"):
		return filepath.Ext(name) != ".jsonl" && filepath.Ext(name) != ".next"
	case strings.HasPrefix(name, Name+".new-dir"):
		return !info.IsDir()
	case strings.HasPrefix(name, Name+".new-file"):
		return info.IsDir()
	}
	return false
}

// String returns the holding on one line.
func (h Holding) String() string {
	var b strings.Builder
	for _, id := range sorted(h) {
		fmt.Fprintf(&b, "%s %v ", id, h[id])
	}
	return strings.TrimSpace(b.String())
}
