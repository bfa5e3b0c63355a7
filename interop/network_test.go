package interop

import (
	"fmt"
	"path/filepath"
)

// A network is what a configuration says, in the pieces that tests vary.
type network struct {
	dir     string // where data directories are
	backend string // empty: not mentioned, as in what the stock plugin gets
	version string // empty: 1.0.0
	ipam    string // more of "ipam"
	beside  string // more keys beside "ipam"
}

// path returns where the leases are.
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

// call returns a call about the network.
func (n network) call(command string, who attachment) call {
	return call{command: command, who: who, conf: n.conf()}
}
