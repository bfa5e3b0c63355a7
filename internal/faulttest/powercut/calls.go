//go:build linux

package powercut

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	places "github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// record adds a successful call to the history.
func (r *recorder) record(c *ptracer.Call) {
	path := r.relPath(c.Path)
	if path == "" {
		return
	}
	switch c.Name {
	case "open", "openat", "openat2":
		r.recordOpen(c, path)
	case "write", "pwrite64", "writev", "pwritev":
		r.recordWrite(c, path)
	case "ftruncate", "truncate":
		r.append(truncate{path, c.Size})
	case "fallocate":
		r.recordFallocate(c, path)
	case "utimensat":
		if inode := r.inode(path); inode != 0 { // Times of directories are not modelled: no command reads them after a power cut.
			r.append(touch{path, r.modified(inode)})
		}
	case "fchmod":
		r.recordMode(path)
	case "fsync", "fdatasync":
		r.append(synced{path, r.began[c]})
	case "syncfs":
		r.append(allSynced{r.began[c]})
	case "mkdir", "mkdirat":
		r.append(mkdir{path})
	case "unlink", "unlinkat", "rmdir":
		r.append(remove{path})
	case "link", "linkat":
		r.append(link{path, r.relPath(c.To)})
	case "rename", "renameat", "renameat2":
		r.recordRename(c, path)
	case "mmap":
		if c.Prot&unix.PROT_WRITE != 0 && c.Flags&unix.MAP_SHARED != 0 {
			r.failed(fmt.Errorf("%s is mapped writable, which the model does not cover", path))
		}
	case "copy_file_range", "sendfile", "mknodat", "symlink", "symlinkat":
		r.failed(fmt.Errorf("%s of %s, which the model does not cover", c.Name, path))
	}
}

// recordOpen records the creation or truncation of a file.
func (r *recorder) recordOpen(c *ptracer.Call, path string) {
	if c.Flags&unix.O_TMPFILE == unix.O_TMPFILE {
		r.failed(fmt.Errorf("O_TMPFILE in %s, which the model does not cover", path))
		return
	}
	n, err := r.now.disk.find(path)
	if err != nil {
		if c.Flags&unix.O_CREAT == 0 {
			r.failed(err)
			return
		}
		r.append(r.keep(c.Path))
		return
	}
	if c.Flags&unix.O_TRUNC != 0 && n.size > 0 {
		r.append(truncate{path, 0})
	}
}

// recordWrite records a write, which may be short.
func (r *recorder) recordWrite(c *ptracer.Call, path string) {
	if int64(len(c.Data)) < c.Result {
		r.failed(fmt.Errorf("%s: cannot read the written data", path))
		return
	}
	if c.Result > 0 {
		r.append(write{path, c.Offset, c.Data[:c.Result], r.modified(r.inode(path))})
	}
}

func (r *recorder) recordFallocate(c *ptracer.Call, path string) {
	switch c.Flags {
	case 0:
		r.append(extend{path, c.Offset + c.Size})
	case unix.FALLOC_FL_KEEP_SIZE: // No visible change.
	default:
		r.failed(fmt.Errorf("fallocate of %s with flags %x, which the model does not cover", path, c.Flags))
	}
}

func (r *recorder) recordRename(c *ptracer.Call, path string) {
	to := r.relPath(c.To)
	switch {
	case to == "":
		r.failed(fmt.Errorf("%s is renamed to %s, which is outside the recorded directory", path, c.To))
	case c.Flags&unix.RENAME_EXCHANGE != 0:
		r.append(exchange{path, to})
	default:
		r.append(rename{path, to})
	}
}

// recordMode records a change of the mark of a replaced store, which is in the mode.
func (r *recorder) recordMode(path string) {
	inode := r.inode(path)
	info, err := os.Stat(inVault(r.vault, inode))
	if err != nil {
		r.failed(err)
		return
	}
	if marked := places.Marked(info); marked != r.marked[inode] {
		r.marked[inode] = marked
		r.append(mode{path, marked})
	}
}

func (r *recorder) inode(path string) int {
	n, err := r.now.disk.find(path)
	if err != nil {
		r.failed(err)
		return 0
	}
	return n.inode
}

// modified returns the modification time of a file.
func (r *recorder) modified(inode int) time.Time {
	info, err := os.Stat(inVault(r.vault, inode))
	if err != nil {
		r.failed(err)
		return time.Time{}
	}
	return info.ModTime()
}
