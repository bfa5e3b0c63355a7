// Package machine says on what a comparison was made. Times mean little without
// it: what a sync costs is decided by the file system and the disk below it.
//
// What the system does not tell is "unknown"; it is no reason not to measure.
package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// A Machine is what measured times depend on besides the programs.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory string `json:"memory"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

// String returns the machine in one line.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s; %s; %s", m.CPU, m.Cores, m.Memory, m.Kernel, m.Go)
}

const unknown = "unknown"

// Describe describes this machine.
func Describe() Machine {
	return Machine{
		CPU:    cpuModel(read("/proc/cpuinfo")),
		Cores:  runtime.NumCPU(),
		Memory: memory(read("/proc/meminfo")),
		Kernel: strings.TrimSpace(runtime.GOOS + " " + read("/proc/sys/kernel/osrelease")),
		Go:     runtime.Version() + " " + runtime.GOARCH,
	}
}

// A FileSystem is where a directory lies.
type FileSystem struct {
	Type   string `json:"type"`
	Source string `json:"source"`
}

func (f FileSystem) String() string { return f.Type + " on " + f.Source }

// FileSystemOf returns the file system of a directory.
func FileSystemOf(dir string) FileSystem {
	return fileSystem(read("/proc/self/mountinfo"), resolve(dir))
}

// read returns what a file holds, and nothing if it cannot be read: systems other
// than Linux have no such files.
func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text)
}

// resolve returns the path without links, by which mounts go.
func resolve(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	return dir
}

// cpuModel finds the model in the text of /proc/cpuinfo, which does not have it
// on every architecture.
func cpuModel(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}

// memory finds the size of the memory in the text of /proc/meminfo.
func memory(meminfo string) string {
	for line := range strings.Lines(meminfo) {
		var kib int64
		if n, err := fmt.Sscanf(line, "MemTotal: %d kB", &kib); n == 1 && err == nil {
			return fmt.Sprintf("%.1f GiB", float64(kib)/(1<<20))
		}
	}
	return unknown + " memory"
}

// fileSystem finds the mount that dir lies in, in the text of /proc/self/mountinfo;
// see proc_pid_mountinfo(5). Of several mounts on one point the last is on top.
func fileSystem(mountinfo, dir string) FileSystem {
	found, longest := FileSystem{unknown, unknown}, 0
	for line := range strings.Lines(mountinfo) {
		mount, system, ok := strings.Cut(line, " - ")
		where, what := strings.Fields(mount), strings.Fields(system)
		if !ok || len(where) < 5 || len(what) < 2 {
			continue
		}
		if point := unescape(where[4]); within(dir, point) && len(point) >= longest {
			found, longest = FileSystem{what[0], unescape(what[1])}, len(point)
		}
	}
	return found
}

func within(dir, point string) bool {
	return point == "/" || dir == point || strings.HasPrefix(dir, point+"/")
}

// unescape undoes what the kernel does to white space and backslashes in names.
func unescape(name string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(name)
}
