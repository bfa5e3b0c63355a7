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

// done notes what a call has done that has succeeded.
func (r *recorder) done(c *ptracer.Call) {
	path := r.below(c.Path)
	if path == "" {
		return
	}
	switch c.Name {
	case "open", "openat", "openat2":
		r.opened(c, path)
	case "write", "pwrite64", "writev", "pwritev":
		r.written(c, path)
	case "ftruncate", "truncate":
		r.note(truncate{path, c.Size})
	case "fallocate":
		r.allocated(c, path)
	case "utimensat":
		r.note(touch{path, r.modified(r.inode(path))})
	case "fchmod":
		r.moded(path)
	case "fsync", "fdatasync":
		r.note(synced{path, r.began[c]})
	case "syncfs":
		r.note(allSynced{r.began[c]})
	case "mkdir", "mkdirat":
		r.note(mkdir{path})
	case "unlink", "unlinkat", "rmdir":
		r.note(remove{path})
	case "link", "linkat":
		r.note(link{path, r.below(c.To)})
	case "rename", "renameat", "renameat2":
		r.renamed(c, path)
	case "mmap":
		if c.Prot&unix.PROT_WRITE != 0 && c.Flags&unix.MAP_SHARED != 0 {
			r.failed(fmt.Errorf("%s is mapped to be written to, which the model does not know", path))
		}
	case "copy_file_range", "sendfile", "mknodat", "symlink", "symlinkat":
		r.failed(fmt.Errorf("%s of %s, which the model does not know", c.Name, path))
	}
}

// opened makes the file, or empties it.
func (r *recorder) opened(c *ptracer.Call, path string) {
	if c.Flags&unix.O_TMPFILE == unix.O_TMPFILE {
		r.failed(fmt.Errorf("a file without a name in %s, which the model does not know", path))
		return
	}
	n, err := r.now.disk.find(path)
	if err != nil {
		if c.Flags&unix.O_CREAT == 0 {
			r.failed(err)
			return
		}
		r.note(r.keep(c.Path))
		return
	}
	if c.Flags&unix.O_TRUNC != 0 && n.size > 0 {
		r.note(truncate{path, 0})
	}
}

// written may be less than was to be.
func (r *recorder) written(c *ptracer.Call, path string) {
	if int64(len(c.Data)) < c.Result {
		r.failed(fmt.Errorf("%s: what was written could not be read", path))
		return
	}
	if c.Result > 0 {
		r.note(write{path, c.Offset, c.Data[:c.Result], r.modified(r.inode(path))})
	}
}

func (r *recorder) allocated(c *ptracer.Call, path string) {
	switch c.Flags {
	case 0:
		r.note(extend{path, c.Offset + c.Size})
	case unix.FALLOC_FL_KEEP_SIZE: // Nobody sees it.
	default:
		r.failed(fmt.Errorf("fallocate of %s with flags %x, which the model does not know", path, c.Flags))
	}
}

func (r *recorder) renamed(c *ptracer.Call, path string) {
	to := r.below(c.To)
	switch {
	case to == "":
		r.failed(fmt.Errorf("%s is renamed to %s, which is not followed", path, c.To))
	case c.Flags&unix.RENAME_EXCHANGE != 0:
		r.note(exchange{path, to})
	default:
		r.note(rename{path, to})
	}
}

// moded notes a mode that marks a store, or no longer does.
func (r *recorder) moded(path string) {
	inode := r.inode(path)
	info, err := os.Stat(inVault(r.vault, inode))
	if err != nil {
		r.failed(err)
		return
	}
	if marked := places.Marked(info); marked != r.marked[inode] {
		r.marked[inode] = marked
		r.note(mode{path, marked})
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

// modified returns the time of the last change of a file.
func (r *recorder) modified(inode int) time.Time {
	info, err := os.Stat(inVault(r.vault, inode))
	if err != nil {
		r.failed(err)
		return time.Time{}
	}
	return info.ModTime()
}
