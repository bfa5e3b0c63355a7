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

// A Network is one with a small pool. What is asked of it goes through the plugin, in
// this process or in one of its own.
type Network struct {
	Dir     string // the data directory
	Backend string // config.Files, config.Bolt, or "" for what stands there
	Dual    bool   // of both families, or of IPv4 alone
	Size    int    // addresses of each family, at most 200

	Keys    map[string]any // more keys of "ipam", with their values
	Program string         // the plugin that is executed; if "", it runs in this process
}

// Name is what each Network is called.
const Name = "podnet"

// Path returns where the store is.
func (n Network) Path() string { return filepath.Join(n.Dir, Name) }

// Families returns how many addresses a container gets.
func (n Network) Families() int {
	if n.Dual {
		return 2
	}
	return 1
}

// Config returns the network configuration, with more keys at its top.
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
		panic(err) // of values that tests make
	}
	return text
}

// IfName is the interface of each attachment.
const IfName = "eth0"

// env returns the environment of a command of the plugin.
func env(command, id string) map[string]string {
	e := map[string]string{
		"CNI_COMMAND": command, "CNI_CONTAINERID": id,
		"CNI_NETNS": "/run/netns/" + id, "CNI_IFNAME": IfName, "CNI_PATH": "/opt/cni/bin",
	}
	if command == "GC" || command == "STATUS" {
		delete(e, "CNI_CONTAINERID")
	}
	return e
}

// With returns the network with one more key of "ipam".
func (n Network) With(key string, value any) Network {
	n.Keys = maps.Clone(n.Keys)
	if n.Keys == nil {
		n.Keys = make(map[string]any)
	}
	n.Keys[key] = value
	return n
}

// Plugin performs a command and returns what the plugin wrote. The error is a
// [*types.Error] if the plugin wrote one, as it should.
func (n Network) Plugin(command, id string, more map[string]any) ([]byte, error) {
	if n.Program != "" {
		out, err := n.Command(n.Program, command, id, more).Output()
		if err != nil {
			err = answered(out)
		}
		return out, err
	}
	var out, diagnostics bytes.Buffer
	e := env(command, id)
	p := hostlocal.Plugin{
		Getenv: func(key string) string { return e[key] },
		Stdin:  bytes.NewReader(n.Config(more)),
		Stdout: &out, Stderr: &diagnostics,
		Version: func() string { return "test" },
	}
	if p.Run() != 0 {
		return nil, answered(out.Bytes())
	}
	return out.Bytes(), nil
}

// answered reads an error that the plugin wrote. It returns a [*types.Error], or says
// that it was none.
func answered(out []byte) error {
	e := new(types.Error)
	if err := json.Unmarshal(out, e); err != nil || e.Code == 0 {
		return fmt.Errorf("not a CNI error: %q", out)
	}
	return e
}

// Command returns a process that is to perform a command of the plugin, which is the
// program at path.
func (n Network) Command(path, command, id string, more map[string]any) *exec.Cmd {
	cmd := exec.Command(path)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	for key, value := range env(command, id) {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	cmd.Stdin = bytes.NewReader(n.Config(more))
	return cmd
}

// Tool returns a process that is to run the operator's tool, which is the program at
// path, on the network's data directory.
func (n Network) Tool(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, append([]string{"--conf-dir", filepath.Join(n.Dir, "no-conf"), "--data-dir", n.Dir}, args...)...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	return cmd
}

// Addresses reads the answer to an ADD.
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

// Add performs ADD.
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

// PrevResult returns what CHECK is to be told besides the configuration.
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

// Attachments returns what GC is to be told besides the configuration.
func Attachments(ids ...string) map[string]any {
	valid := []map[string]string{}
	for _, id := range ids {
		valid = append(valid, map[string]string{"containerID": id, "ifname": IfName})
	}
	return map[string]any{"cni.dev/valid-attachments": valid}
}

// A Holding says which addresses each container holds, in the order of the addresses.
type Holding map[string][]netip.Addr

// Holding returns what the store holds, which is checked before it is used.
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

// Leftovers lists what migrations have left behind that are none of the stores they
// replaced.
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

// Unmarked lists the stores that migrations and repairs have replaced and that do not say
// so: seen through another mount, they could be leased from.
func (n Network) Unmarked() (paths []string, err error) {
	dir := filepath.Join(n.Dir, ".leasehold")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	here, _ := os.Lstat(n.Path()) // If nothing is there, nothing there is the same.
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

// wasReplaced reports whether something in .leasehold was in use. What is built there is
// of the kind that its name says; what was exchanged with it is of the other.
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

// String lists a holding in one line.
func (h Holding) String() string {
	var b strings.Builder
	for _, id := range sorted(h) {
		fmt.Fprintf(&b, "%s %v ", id, h[id])
	}
	return strings.TrimSpace(b.String())
}
