package main

import (
	"path"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// Commands that print the container IDs that a runtime has, all of them.
const (
	listCRI    = "crictl pods -q"
	listPodman = "podman ps -aq --no-trunc"
	listNomad  = "ls /var/run/netns" // Nomad names a namespace by its allocation
)

// listCommand returns the command that prints what is in use in a network, as far as its
// leases show which runtimes use it: a list that lacks those of one of them would end the
// leases of containers that run. What shows no runtime is taken for a Kubernetes pod's.
func listCommand(n network, leases []backend.Lease) string {
	var commands []string
	for _, l := range leases {
		if c := n.listOf(l); c != "" && !slices.Contains(commands, c) {
			commands = append(commands, c)
		}
	}
	slices.Sort(commands)
	switch len(commands) {
	case 0:
		return listCRI
	case 1:
		return commands[0]
	}
	return "{ " + strings.Join(commands, "; ") + "; }"
}

// listOf returns the command that prints the container of a lease, among others; nothing if
// the lease does not show one.
func (n network) listOf(l backend.Lease) string {
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
	case l.Pod.Name != "", strings.HasPrefix(path.Base(l.Netns), "netns-"), n.isPodmans(): // containers/common, libnetwork/cni and pkg/netns
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

// nerdctlNamespace returns the containerd namespace in an ID as nerdctl has them.
func nerdctlNamespace(id string) (string, bool) {
	at := strings.LastIndex(id, "-")
	if at <= 0 || !isHex64(id[at+1:]) {
		return "", false
	}
	return id[:at], true
}

// isPodmans reports whether a configuration of the network is one that Podman has written, or
// comes with it: its bridges are called cni-podman0 and so on.
func (n network) isPodmans() bool {
	for _, c := range n.confs {
		if strings.Contains(string(c.Text), `"cni-podman`) || strings.Contains(path.Base(c.File), "podman") {
			return true
		}
	}
	return n.name == "podman"
}

func isHex64(s string) bool { return len(s) == 64 && isHex(s) }

// isUUID reports whether s is written as the IDs of Nomad's allocations are (RFC 9562).
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
