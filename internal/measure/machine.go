package measure

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

const unknown = "unknown"

// Machine describes this machine in pairs of keys and values. What the system does not
// tell is "unknown".
func Machine() [][2]string {
	return [][2]string{
		{"goos", runtime.GOOS},
		{"goarch", runtime.GOARCH},
		{"cpu", find("/proc/cpuinfo", `(?m)^model name\s*: (.*)$`)},
		{"cores", strconv.Itoa(runtime.NumCPU())},
		{"memory", find("/proc/meminfo", `(?m)^MemTotal: *(.*)$`)},
		{"kernel", find("/proc/sys/kernel/osrelease", `(.+)`)},
		{"go", runtime.Version()},
	}
}

// find returns what the group of an expression matches in a file.
func find(path, expression string) string {
	text, _ := os.ReadFile(path) // a missing file is like one that does not tell
	if m := regexp.MustCompile(expression).FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return unknown
}

// FileSystem returns the type and the device of the file system that a directory is on.
func FileSystem(dir string) (kind, device string) {
	out, err := exec.Command("df", "--output=fstype,source", dir).Output()
	fields := strings.Fields(string(out))
	if err != nil || len(fields) < 4 { // two of them are the head
		return unknown, unknown
	}
	return fields[len(fields)-2], fields[len(fields)-1]
}
