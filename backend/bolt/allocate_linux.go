package bolt

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// allocated reports whether the file has no holes.
func allocated(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || st.Blocks*512 >= info.Size()
}

// allocate has disk space allocated for all of a file of the given size. A file
// system that cannot do so cannot make holes either.
func allocate(f *os.File, size int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EOPNOTSUPP):
			return nil
		}
		return os.NewSyscallError("fallocate", err)
	}
}
