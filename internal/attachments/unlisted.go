package attachments

import "strings"

// A Maker is a program that attaches containers that no runtime lists.
type Maker struct {
	Name string

	// Netns is the path of the container's network namespace, if the container ID contains it.
	Netns string
}

// MadeBy recognizes a container that no runtime lists by the form of its ID, and returns its
// maker:
//
//	buildah-buildah1459229342  buildah and "podman build": each RUN step, and buildah run
//	f5lxx1zz5pnorynqglhzmsp33  BuildKit's CNI networks, also used by "nerdctl build"
//	4711                       Apptainer and Singularity: the PID
//	cnitool-bac2b3a6ba1d82ed…  cnitool: a hash of the namespace's path
//
// Such a container can be running although it is not on a list. docs/runtimes.md has this
// table for operators, with the source of each form.
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

// consistsOf reports whether s is not empty and has only bytes in set.
func consistsOf(s, set string) bool { return s != "" && strings.Trim(s, set) == "" }

// SameForm reports whether two container IDs can come from the same runtime. The IDs of a
// runtime are all hashes, all UUIDs, or all hashes with a namespace in front. All IDs of any
// other form count as having the same form.
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
