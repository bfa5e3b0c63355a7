package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Names of stores, the values of Network.Backend.
const (
	Files = "files"
	Bolt  = "bolt"
)

// A Network says where the leases of a network are.
type Network struct {
	// CNIVersion is the version of CNI that the configuration speaks; the
	// result has to speak it too. It is never empty.
	CNIVersion string

	// Name is the name of the network. It is safe as an element of a path.
	Name string

	// DataDir is the directory under which all networks keep their leases.
	DataDir string

	// Backend names the store, Files or Bolt. If it is empty, what stands at
	// Path decides.
	Backend string

	// LockTimeout is how long to wait for the lock of the network.
	LockTimeout time.Duration
}

// DefaultDataDir is where the stores are unless a configuration says otherwise, as with the
// stock plugin.
const DefaultDataDir = "/var/lib/cni/networks"

// Path returns the place of the store: a directory or a file, as its kind wants.
func (n Network) Path() string { return filepath.Join(n.DataDir, n.Name) }

// CheckDataDir returns an error if DataDir is relative. The plugin takes it, as stock does,
// from the working directory of the process that executes it: another runtime, or the same
// one started elsewhere, then finds no lease, and leases the same addresses again.
func (n Network) CheckDataDir() error {
	if filepath.IsAbs(n.DataDir) {
		return nil
	}
	return fmt.Errorf("ipam.dataDir: %q is relative, and so another directory for each working directory of a runtime; "+
		"write it as an absolute path", n.DataDir)
}

// ParseNetwork reads which network the input is about and where its leases are.
// It looks at nothing else: to release an address takes no ranges, and must not
// fail because of them.
func ParseNetwork(stdin []byte) (Network, error) {
	var raw struct {
		CNIVersion string    `json:"cniVersion"`
		Name       string    `json:"name"`
		IPAM       *rawStore `json:"ipam"`
	}
	if err := Decode(stdin, &raw); err != nil {
		return Network{}, err
	}
	return network(stdin, raw.CNIVersion, raw.Name, raw.IPAM)
}

func network(stdin []byte, cniVersion, name string, raw *rawStore) (Network, error) {
	if err := CheckName(name); err != nil {
		return Network{}, err
	}
	if raw == nil {
		return Network{}, invalid(adviseIPAM(stdin), "IPAM config missing 'ipam' key")
	}
	n := Network{CNIVersion: version(cniVersion), Name: name, DataDir: raw.DataDir, Backend: raw.Backend}
	// What cannot be meant counts as not said; check tells those who may not do without.
	if oneOf("ipam.backend", n.Backend, Files, Bolt) != nil {
		n.Backend = ""
	}
	var err error
	if n.LockTimeout, err = lockTimeout(raw.LockTimeout); err != nil {
		n.LockTimeout = defaultTimeout
	}
	if n.DataDir == "" {
		n.DataDir = DefaultDataDir
	}
	return n, nil
}

// adviseIPAM says what to do about a configuration without ipam. People try a plugin with
// the file that their runtime reads, and that is mostly a list.
func adviseIPAM(stdin []byte) string {
	var raw struct {
		Plugins json.RawMessage `json:"plugins"`
	}
	if Decode(stdin, &raw) == nil && raw.Plugins != nil {
		return `this is a list of plugins, and a plugin gets one of them, with the list's name and cniVersion; ` +
			`cnitool, like a runtime, executes such a list`
	}
	return `add "ipam": {"type": "host-local"}`
}

// check returns an error for what a release has no need of, and does without.
func (raw *rawStore) check() error {
	if err := oneOf("ipam.backend", raw.Backend, Files, Bolt); err != nil {
		return err
	}
	_, err := lockTimeout(raw.LockTimeout)
	return err
}

const defaultTimeout = 30 * time.Second

func lockTimeout(text string) (time.Duration, error) {
	if text == "" {
		return defaultTimeout, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, invalid(`write a positive duration, for example "30s"`, "ipam.lockTimeout: %q cannot be waited for", text)
	}
	return d, nil
}

// CheckName returns an error unless name can be that of a network (CNI SPEC, section
// 1). The name becomes an element of a path: without the rule ".." would leave the
// data directory.
func CheckName(name string) error {
	const rule = "use letters, digits, '_', '.' and '-', beginning with a letter or digit"
	if name == "" {
		return invalid(`add the key "name"; `+rule, "missing network name")
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && (c == '_' || c == '.' || c == '-'):
		default:
			return invalid(rule, "invalid characters found in network name %q", name)
		}
	}
	return nil
}

// oneOf returns an error unless value is one of those known, or not set.
func oneOf(key, value string, known ...string) error {
	if value == "" || slices.Contains(known, value) {
		return nil
	}
	return invalid("use one of: "+strings.Join(known, ", "), "%s: unknown value %q", key, value)
}
