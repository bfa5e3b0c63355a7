package hostlocal

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
)

// A request has the parameters in the environment (CNI SPEC, section 2, parameters), and
// standard input.
type request struct {
	command string
	owner   backend.Owner
	netns   string
	args    string // CNI_ARGS
	stdin   []byte
}

// defaultIfName is used if CNI_IFNAME is missing.
const defaultIfName = "eth0"

// parseRequest parses the environment.
func parseRequest(getenv func(string) string) (request, error) {
	r := request{
		command: getenv("CNI_COMMAND"),
		owner:   backend.Owner{ContainerID: getenv("CNI_CONTAINERID"), IfName: getenv("CNI_IFNAME")},
		netns:   getenv("CNI_NETNS"),
		args:    getenv("CNI_ARGS"),
	}
	if r.owner.IfName == "" {
		r.owner.IfName = defaultIfName
	}
	if !recordable(r.netns) {
		r.netns = "" // It is only for display, and an ADD must not fail because of it.
	}
	switch r.command {
	case "ADD", "DEL", "CHECK":
		return r, checkOwner(r.owner)
	case "GC", "STATUS", "VERSION":
		return r, nil
	}
	return r, envError("unknown CNI_COMMAND: "+r.command, "want ADD, DEL, CHECK, GC, STATUS or VERSION")
}

// recordable reports whether a lease can record the path of a network namespace.
func recordable(netns string) bool {
	l := backend.Lease{Addr: netip.IPv4Unspecified(), Owner: backend.Owner{ContainerID: "any"}, Netns: netns}
	return l.Validate() == nil
}

// A subject has the arguments that name a network to the operator's tool, for the advice in
// errors.
type subject struct {
	network string
	flags   string // with a space before each; empty if the tool finds the network without
}

// String returns the arguments for a command about the network.
func (s subject) String() string { return s.network + s.flags }

func (r request) subject() subject {
	n, err := config.ParseNetwork(r.stdin)
	if err != nil {
		return subject{network: "NETWORK"}
	}
	return subject{n.Name, n.DataDirFlag()}
}

func envError(msg, details string) error {
	return &answer{codeEnvironment, msg, details}
}

// checkOwner applies the rules for container IDs (CNI SPEC, section 2) and interface names
// (dev_valid_name in the Linux kernel, and no colon).
func checkOwner(o backend.Owner) error {
	switch name := o.IfName; {
	case o.ContainerID == "":
		return envError("required env variables [CNI_CONTAINERID] missing", "set it to the ID of the container; by hand, any name will do")
	case !validID(o.ContainerID):
		return envError("invalid characters in containerID", o.ContainerID)
	case len(name) > 15:
		return envError("interface name is too long",
			fmt.Sprintf("CNI_IFNAME is %q; interface name should be less than 16 characters", name))
	case name == "." || name == "..":
		return envError("interface name is . or ..", "")
	case strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r == ':' || unicode.IsSpace(r) }):
		return envError("interface name contains / or : or whitespace characters", fmt.Sprintf("CNI_IFNAME is %q", name))
	}
	if err := o.Validate(); err != nil {
		return envError(err.Error(), "")
	}
	return nil
}

// validID reports whether s is a letter or digit, followed by letters, digits,
// underscores, dots and hyphens.
func validID(s string) bool {
	for i, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && (c == '_' || c == '.' || c == '-'):
		default:
			return false
		}
	}
	return true
}
