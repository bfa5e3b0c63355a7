package main

import (
	"path"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// Commands that print the IDs of all containers of a runtime.
const (
	listCRI    = "crictl pods -q"
	listPodman = "podman ps -aq --no-trunc"

	// Rows of allocations begin with their IDs; nothing else in the output begins with one.
	listNomad = "nomad node status -self -verbose | grep -oE '^[0-9a-f-]{36}'"
)

// gcCommand returns the command that says what gc would release, with the containers of all runtimes
// that use the network, as far as the leases show: with a list that lacks one of the runtimes, gc would
// release its leases. If no lease shows a runtime, it lists Kubernetes pods. tool is the name of the
// program, with the flags for all commands.
func gcCommand(tool string, n network, leases []backend.Lease) string {
	var commands []string
	for _, l := range leases {
		if c := n.runtimeCommandFor(l); c != "" && !slices.Contains(commands, c) {
			commands = append(commands, c)
		}
	}
	slices.Sort(commands)
	if len(commands) == 0 {
		commands = []string{listCRI}
	}
	gc := func(list string) string { return tool + " gc " + n.word() + " --valid " + list + " --dry-run" }
	if len(commands) == 1 {
		return commands[0] + " | " + gc("-") // If the first fails, gc rejects the empty list.
	}
	const list = "/run/pods"
	return "(set -o pipefail; " + strings.Join(commands, " && ") + ") > " + list + " && " + gc(list)
}

// runtimeCommandFor returns the command that lists the container of a lease, or "" if the
// lease does not show its runtime.
func (n network) runtimeCommandFor(l backend.Lease) string {
	id := l.Owner.ContainerID
	if namespace, ok := nerdctlNamespace(id); ok {
		return nerdctlList(namespace)
	}
	switch {
	case isUUID(id):
		return listNomad
	case !isHex64(id):
		return ""
	case l.Pod.Namespace != "": // the kubelet's
		return listCRI
	case l.Pod.Name != "", strings.HasPrefix(path.Base(l.Netns), "netns-"), n.isPodman(): // containers/common, libnetwork/cni and pkg/netns
		return listPodman
	}
	return listCRI
}

func nerdctlList(namespace string) string {
	command := "nerdctl ps -aq --no-trunc"
	if namespace != "default" {
		command = "nerdctl -n " + namespace + " ps -aq --no-trunc"
	}
	return command + " | sed s/^/" + namespace + "-/"
}

// nerdctlNamespace returns the containerd namespace in a container ID of nerdctl.
func nerdctlNamespace(id string) (string, bool) {
	at := strings.LastIndex(id, "-")
	if at <= 0 || !isHex64(id[at+1:]) || !isNamespace(id[:at]) {
		return "", false
	}
	return id[:at], true
}

// isNamespace reports whether a containerd namespace can have the name, which goes into a command. Who owns a
// data directory can write any ID into a lease file.
func isNamespace(name string) bool {
	word := func(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' }
	for i, r := range name {
		if !word(r) && (i == 0 || !strings.ContainsRune("._-", r)) {
			return false
		}
	}
	return name != ""
}

// isPodman reports whether Podman wrote a configuration of the network, or ships it: its
// bridges are called cni-podman0 and so on.
func (n network) isPodman() bool {
	for _, c := range n.confs {
		if strings.Contains(string(c.Text), `"cni-podman`) || strings.Contains(path.Base(c.File), "podman") {
			return true
		}
	}
	return n.name == "podman"
}

func isHex64(s string) bool { return len(s) == 64 && isHex(s) }

// isUUID reports whether s has the form of a UUID (RFC 9562), like the ID of a Nomad
// allocation.
func isUUID(s string) bool {
	parts := strings.Split(s, "-")
	if len(parts) != 5 {
		return false
	}
	for i, digits := range []int{8, 4, 4, 4, 12} {
		if len(parts[i]) != digits || !isHex(parts[i]) {
			return false
		}
	}
	return true
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }
