package ptracer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A decoder has the name of a system call and reads its arguments.
type decoder struct {
	name string
	read func(*Call, arguments)
}

// decoders has the calls on files that neither close nor duplicate a descriptor.
var decoders = map[uint64]decoder{
	unix.SYS_READ:            {"read", onFile},
	unix.SYS_PREAD64:         {"pread64", readAt},
	unix.SYS_FSTAT:           {"fstat", onFile},
	unix.SYS_FSTATFS:         {"fstatfs", onFile},
	unix.SYS_LSEEK:           {"lseek", onFile},
	unix.SYS_GETDENTS64:      {"getdents64", onFile},
	unix.SYS_FSYNC:           {"fsync", onFile},
	unix.SYS_FDATASYNC:       {"fdatasync", onFile},
	unix.SYS_SYNCFS:          {"syncfs", onFile},
	unix.SYS_FCHMOD:          {"fchmod", onFile},
	unix.SYS_FCHOWN:          {"fchown", onFile},
	unix.SYS_WRITE:           {"write", write},
	unix.SYS_PWRITE64:        {"pwrite64", writeAt},
	unix.SYS_WRITEV:          {"writev", writeVector},
	unix.SYS_PWRITEV:         {"pwritev", writeVectorAt},
	unix.SYS_FLOCK:           {"flock", withFlags},
	unix.SYS_FTRUNCATE:       {"ftruncate", truncateFile},
	unix.SYS_FALLOCATE:       {"fallocate", allocate},
	unix.SYS_MMAP:            {"mmap", mapFile},
	unix.SYS_COPY_FILE_RANGE: {"copy_file_range", onFile},
	unix.SYS_SENDFILE:        {"sendfile", onFile},

	unix.SYS_OPEN:       {"open", func(c *Call, a arguments) { c.Path, c.Flags = a.path(0), int(a.value[1]) }},
	unix.SYS_OPENAT:     {"openat", func(c *Call, a arguments) { c.Path, c.Flags = a.pathAt(0, 1), int(a.value[2]) }},
	unix.SYS_OPENAT2:    {"openat2", func(c *Call, a arguments) { c.Path, c.Flags = a.pathAt(0, 1), a.number(2) }},
	unix.SYS_STAT:       {"stat", onPath},
	unix.SYS_LSTAT:      {"lstat", onPath},
	unix.SYS_NEWFSTATAT: {"newfstatat", onPathAt},
	unix.SYS_STATX:      {"statx", onPathAt},
	unix.SYS_STATFS:     {"statfs", onPath},
	unix.SYS_ACCESS:     {"access", onPath},
	unix.SYS_FACCESSAT:  {"faccessat", onPathAt},
	unix.SYS_FACCESSAT2: {"faccessat2", onPathAt},
	unix.SYS_READLINK:   {"readlink", onPath},
	unix.SYS_READLINKAT: {"readlinkat", onPathAt},
	unix.SYS_TRUNCATE:   {"truncate", func(c *Call, a arguments) { c.Path, c.Size = a.path(0), int64(a.value[1]) }},
	unix.SYS_UNLINK:     {"unlink", onPath},
	unix.SYS_UNLINKAT:   {"unlinkat", func(c *Call, a arguments) { c.Path, c.Flags = a.pathAt(0, 1), int(a.value[2]) }},
	unix.SYS_MKDIR:      {"mkdir", onPath},
	unix.SYS_MKDIRAT:    {"mkdirat", onPathAt},
	unix.SYS_RMDIR:      {"rmdir", onPath},
	unix.SYS_CHMOD:      {"chmod", onPath},
	unix.SYS_FCHMODAT:   {"fchmodat", onPathAt},
	unix.SYS_CHOWN:      {"chown", onPath},
	unix.SYS_FCHOWNAT:   {"fchownat", onPathAt},
	unix.SYS_UTIMENSAT:  {"utimensat", onPathAt},
	unix.SYS_MKNODAT:    {"mknodat", onPathAt},
	unix.SYS_RENAME:     {"rename", func(c *Call, a arguments) { c.Path, c.To = a.path(0), a.path(1) }},
	unix.SYS_RENAMEAT:   {"renameat", func(c *Call, a arguments) { c.Path, c.To = a.pathAt(0, 1), a.pathAt(2, 3) }},
	unix.SYS_RENAMEAT2: {"renameat2", func(c *Call, a arguments) {
		c.Path, c.To, c.Flags = a.pathAt(0, 1), a.pathAt(2, 3), int(a.value[4])
	}},
	unix.SYS_LINK: {"link", func(c *Call, a arguments) { c.Path, c.To = a.path(0), a.path(1) }},
	unix.SYS_LINKAT: {"linkat", func(c *Call, a arguments) {
		c.Path, c.To, c.Flags = a.pathAt(0, 1), a.pathAt(2, 3), int(a.value[4])
	}},
	unix.SYS_SYMLINK:   {"symlink", func(c *Call, a arguments) { c.Path, c.To = a.text(0), a.path(1) }},
	unix.SYS_SYMLINKAT: {"symlinkat", func(c *Call, a arguments) { c.Path, c.To = a.text(0), a.pathAt(1, 2) }},
}

func onFile(c *Call, a arguments)    { c.FD, c.Path = a.file(0) }
func onPath(c *Call, a arguments)    { c.Path = a.path(0) }
func onPathAt(c *Call, a arguments)  { c.Path = a.pathAt(0, 1) }
func withFlags(c *Call, a arguments) { onFile(c, a); c.Flags = int(a.value[1]) }

func truncateFile(c *Call, a arguments) { onFile(c, a); c.Size = int64(a.value[1]) }

func allocate(c *Call, a arguments) {
	withFlags(c, a)
	c.Offset, c.Size = int64(a.value[2]), int64(a.value[3])
}

func mapFile(c *Call, a arguments) {
	c.Size, c.Prot, c.Flags, c.Offset = int64(a.value[1]), int(a.value[2]), int(a.value[3]), int64(a.value[5])
	c.FD, c.Path = a.file(4)
}

func write(c *Call, a arguments) {
	onFile(c, a)
	c.Size = int64(a.value[2])
	if a.data {
		c.Offset, c.Data = a.position(), a.memory(a.value[1], c.Size)
	}
}

func writeAt(c *Call, a arguments) {
	onFile(c, a)
	c.Offset, c.Size = int64(a.value[3]), int64(a.value[2])
	if a.data {
		c.Data = a.memory(a.value[1], c.Size)
	}
}

func readAt(c *Call, a arguments) {
	onFile(c, a)
	c.Offset, c.Size = int64(a.value[3]), int64(a.value[2])
}

func writeVector(c *Call, a arguments) {
	onFile(c, a)
	for i := range a.value[2] {
		vector := a.memory(a.value[1]+16*i, 16)
		if len(vector) < 16 {
			return // EFAULT: the call will fail.
		}
		base, size := binary.NativeEndian.Uint64(vector), int64(binary.NativeEndian.Uint64(vector[8:]))
		c.Size += size
		if a.data {
			c.Data = append(c.Data, a.memory(base, size)...)
		}
	}
	if a.data {
		c.Offset = a.position()
	}
}

func writeVectorAt(c *Call, a arguments) { writeVector(c, a); c.Offset = int64(a.value[3]) }

// arguments are the arguments of a call by a thread.
type arguments struct {
	tid   int
	value [6]uint64
	data  bool
}

// decode returns the call that a thread enters, or nil if it is not a call on a file. A
// call on a pipe or socket counts only for standard input, output and error, unless Hooks.Sockets is set.
func (t *tracer) decode(tid int, r *unix.PtraceRegs) *Call {
	d, ok := decoders[r.Orig_rax]
	if !ok {
		return nil
	}
	c := &Call{Name: d.name, TID: tid, FD: -1}
	d.read(c, arguments{tid, [6]uint64{r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9}, t.hooks.Data})
	if strings.HasPrefix(c.Path, "/") || 0 <= c.FD && c.FD <= 2 || c.To != "" {
		return c
	}
	if t.hooks.Sockets && (strings.HasPrefix(c.Path, "socket:") || strings.HasPrefix(c.Path, "pipe:")) {
		return c
	}
	return nil
}

// memory reads from the memory of the process. The result may be short.
func (a arguments) memory(at uint64, size int64) []byte {
	if size == 0 {
		return nil
	}
	b := make([]byte, size)
	local := []unix.Iovec{{Base: &b[0]}}
	local[0].SetLen(len(b))
	n, err := unix.ProcessVMReadv(a.tid, local, []unix.RemoteIovec{{Base: uintptr(at), Len: len(b)}}, 0)
	if err != nil {
		return nil
	}
	return b[:n]
}

// text reads a string argument.
func (a arguments) text(i int) string {
	text, _, _ := bytes.Cut(a.memory(a.value[i], unix.PathMax), []byte{0})
	return string(text)
}

// number reads the first number of the struct that an argument points to.
func (a arguments) number(i int) int {
	b := a.memory(a.value[i], 8)
	if len(b) < 8 {
		return 0
	}
	return int(binary.NativeEndian.Uint64(b))
}

// path reads a path argument.
func (a arguments) path(i int) string { return a.join(a.link("cwd"), a.text(i)) }

// pathAt reads a directory descriptor and a path relative to it.
func (a arguments) pathAt(dir, i int) string {
	from := "cwd"
	if fd := int32(a.value[dir]); fd != unix.AT_FDCWD {
		from = fmt.Sprintf("fd/%d", fd)
	}
	return a.join(a.link(from), a.text(i))
}

func (a arguments) join(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// file reads a descriptor argument.
func (a arguments) file(i int) (fd int, path string) {
	fd = int(int32(a.value[i]))
	if fd < 0 {
		return fd, ""
	}
	return fd, a.link(fmt.Sprintf("fd/%d", fd))
}

// link reads a link in the thread's directory in /proc. It returns "" if there is none;
// then the call will fail.
func (a arguments) link(name string) string {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", a.tid, name))
	if err != nil {
		return ""
	}
	return path
}

// position returns the offset of the next write to the file in the first argument, or 0 for
// a file without a position.
func (a arguments) position() (at int64) {
	fd := int32(a.value[0])
	info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", a.tid, fd))
	if err != nil {
		return 0
	}
	var flags int
	if _, err := fmt.Sscanf(string(info), "pos: %d\nflags: %o", &at, &flags); err != nil {
		return 0
	}
	if flags&unix.O_APPEND == 0 {
		return at
	}
	file, err := os.Stat(fmt.Sprintf("/proc/%d/fd/%d", a.tid, fd))
	if err != nil {
		return 0
	}
	return file.Size()
}

// processOf returns the process of a stopped thread.
func processOf(tid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return tid
	}
	_, rest, _ := strings.Cut(string(status), "\nTgid:")
	pid := tid
	fmt.Sscanf(rest, "%d", &pid) // pid stays tid if the line is missing
	return pid
}
