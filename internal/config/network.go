package config

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/leasehold/leasehold/internal/shell"
)

// Names of stores, the values of Network.Backend.
const (
	Files = "files"
	Bolt  = "bolt"
)

// A Network describes where the leases of a network are.
type Network struct {
	// CNIVersion is the CNI version of the configuration, and so of the result. It is never
	// empty.
	CNIVersion string

	// Name is the name of the network. It is safe as a path element.
	Name string

	// DataDir is the directory that has the stores of all networks.
	DataDir string

	// Backend is the kind of store, Files or Bolt. If it is empty, the store that exists at
	// Path decides.
	Backend string

	// LockTimeout is how long to wait for the lock of the network.
	LockTimeout time.Duration
}

// DefaultDataDir is the default of DataDir, the same as the stock plugin's.
const DefaultDataDir = "/var/lib/cni/networks"

// Path returns the path of the store, a directory or a file depending on its kind.
func (n Network) Path() string { return filepath.Join(n.DataDir, n.Name) }

// DataDirFlag returns the flag by which a command of the tool finds the network, as a shell reads it:
// empty for the default directory, and otherwise with a space before it.
func (n Network) DataDirFlag() string {
	if n.DataDir == DefaultDataDir {
		return ""
	}
	return " --data-dir " + shell.Quote(n.DataDir)
}

// ParseNetwork reads which network the input is about and where its leases are. It reads
// nothing else: releasing an address needs no ranges and must not fail because of them, nor because
// of values that have a default.
func ParseNetwork(stdin []byte) (Network, error) {
	var cniVersion, name string
	var place *rawPlace
	known := object{{"cniVersion", &cniVersion}, {"name", &name}, {"ipam", optional(&place)}}
	if err := Decode(stdin, known); err != nil {
		return Network{}, err
	}
	return network(stdin, cniVersion, name, place.store())
}

func network(stdin []byte, cniVersion, name string, raw *rawStore) (Network, error) {
	if err := CheckName(name); err != nil {
		return Network{}, err
	}
	if raw == nil {
		return Network{}, invalid(adviseIPAM(stdin), "IPAM config missing 'ipam' key")
	}
	n := Network{CNIVersion: version(cniVersion), Name: name, DataDir: raw.DataDir, Backend: raw.Backend}
	// Invalid values count as absent here; check returns an error for them.
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

// adviseIPAM says what to do about a configuration without ipam. Often it is the file that
// the runtime reads, which has a list of plugins.
func adviseIPAM(stdin []byte) string {
	var plugins json.RawMessage
	if Decode(stdin, object{{"plugins", &plugins}}) == nil && plugins != nil {
		return `this is a list of plugins, but a plugin gets one of them, with the name and cniVersion of the list; ` +
			`cnitool, like a runtime, executes such a list`
	}
	return `add "ipam": {"type": "host-local"}`
}

// check returns an error for invalid values, which a release ignores.
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
	return readDuration("ipam.lockTimeout", text, 1, "a positive duration", `write a positive duration, for example "30s"`)
}

// identifierRule is the rule for names that become path elements. The name ".." would leave
// the directory.
const identifierRule = "use letters, digits, '_', '.' and '-', beginning with a letter or digit"

// CheckName returns an error unless name is a valid network name (CNI SPEC, section 1).
func CheckName(name string) error {
	switch {
	case name == "":
		return invalid(`add the key "name"; `+identifierRule, "missing network name")
	case !validIdentifier(name):
		return invalid(identifierRule, "invalid characters found in network name %q", name)
	}
	return nil
}

// validIdentifier reports whether name follows identifierRule.
func validIdentifier(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && (c == '_' || c == '.' || c == '-'):
		default:
			return false
		}
	}
	return name != ""
}

// oneOf returns an error unless value is empty or one of known.
func oneOf(key, value string, known ...string) error {
	if value == "" || slices.Contains(known, value) {
		return nil
	}
	return invalid("use one of: "+strings.Join(known, ", "), "%s: unknown value %q", key, value)
}
