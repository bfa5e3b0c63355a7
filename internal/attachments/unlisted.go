package attachments

import "strings"

// A Maker is a program that attaches containers which no command of it, or of another
// runtime, lists.
type Maker struct {
	Name string

	// Netns is the path of the container's network namespace, if its ID tells.
	Netns string
}

// MadeBy returns what made a container that is on no list, by the form of its ID:
//
//	buildah-buildah1459229342  buildah and "podman build": each RUN step, and buildah run
//	f5lxx1zz5pnorynqglhzmsp33  BuildKit's CNI networks, also behind "nerdctl build"
//	4711                       Apptainer and Singularity: the number of the process
//	cnitool-bac2b3a6ba1d82ed…  cnitool: a hash of the namespace's path
//
// That a list lacks such a container says nothing. docs/runtimes.md has this table for
// operators, with where each form was read.
func MadeBy(containerID string) (m Maker, ok bool) {
	const digits, lower = "0123456789", "0123456789abcdefghijklmnopqrstuvwxyz"
	if rest, ok := strings.CutPrefix(containerID, "buildah-buildah"); ok && consistsOf(rest, digits) {
		return Maker{Name: "buildah"}, true
	}
	if rest, ok := strings.CutPrefix(containerID, "cnitool-"); ok && len(rest) == 20 && consistsOf(rest, lower) {
		return Maker{Name: "cnitool"}, true
	}
	const longestPID = 7 // PID_MAX_LIMIT is 4194304.
	switch {
	case len(containerID) == 25 && consistsOf(containerID, lower):
		return Maker{Name: "BuildKit"}, true
	case len(containerID) <= longestPID && consistsOf(containerID, digits):
		return Maker{Name: "Apptainer", Netns: "/proc/" + containerID + "/ns/net"}, true
	}
	return Maker{}, false
}

// consistsOf reports whether s has bytes of the set, and no others.
func consistsOf(s, set string) bool { return s != "" && strings.Trim(s, set) == "" }

// SameForm reports whether two container IDs can be of one runtime: a runtime's IDs are
// all hashes, all UUIDs or all hashes behind the name of a namespace. IDs of another form
// can be of any.
func SameForm(a, b string) bool { return formOf(a) == formOf(b) }

// formOf returns "hash", "uuid" and the like, or "" for another form.
func formOf(id string) string {
	switch at := len(id) - hashLen; {
	case at == 0 && isHex(id):
		return "hash" // containerd, CRI-O, podman
	case at > 1 && id[at-1] == '-' && isHex(id[at:]):
		return "named hash" // nerdctl
	case len(id) == 36 && strings.Count(id, "-") == 4 && consistsOf(id, hex+"-"):
		return "uuid" // Nomad, firecracker-containerd
	}
	return ""
}

const (
	hex     = "0123456789abcdef"
	hashLen = 64 // digits of SHA-256
)

func isHex(s string) bool { return consistsOf(s, hex) }
