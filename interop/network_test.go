package interop

import (
	"fmt"
	"path/filepath"
)

// A network is a configuration in the parts that the tests vary.
type network struct {
	dir     string // the data directory
	backend string // "" for no key, as for the stock plugin
	version string // "" means 1.0.0
	ipam    string // further keys in "ipam"
	beside  string // further keys at the top level
}

// path returns the path of the store.
func (n network) path() string { return filepath.Join(n.dir, "net") }

// conf returns the configuration.
func (n network) conf() string {
	version, ipam, beside := n.version, n.ipam, n.beside
	if version == "" {
		version = "1.0.0"
	}
	if n.backend != "" {
		ipam = fmt.Sprintf("%q: %q, %s", "backend", n.backend, ipam)
	}
	if beside != "" {
		beside = ", " + beside
	}
	return fmt.Sprintf(`{"cniVersion": %q, "name": "net", "ipam": {"type": "host-local", "dataDir": %q, %s}%s}`,
		version, n.dir, ipam, beside)
}

// call returns a call with this network's configuration.
func (n network) call(command string, who attachment) call {
	return call{command: command, who: who, conf: n.conf()}
}
