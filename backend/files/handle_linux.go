package files

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	// handleOnly asks for a handle that need not be usable to open the file (AT_HANDLE_FID,
	// Linux 6.5).
	handleOnly = 0x200

	// overlayHandle is the type of an overlayfs handle, which contains the handle of the layer.
	overlayHandle = 0xf8
)

// handle returns the identification that distinguishes this file from all others that ever
// existed on its file system: the inode number and a generation, as name_to_handle_at(2)
// returns them. It is empty if the file system, or a filter of system calls, does not allow
// that.
//
// overlayfs has only handles for handleOnly, unless it is exported by NFS. Other file systems
// without proper handles make these from the inode number alone.
func (d *dir) handle(name string) string {
	h, _, err := unix.NameToHandleAt(d.fd(), name, 0)
	if errors.Is(err, unix.EOPNOTSUPP) {
		h, _, err = unix.NameToHandleAt(d.fd(), name, handleOnly)
		if err == nil && h.Type() != overlayHandle {
			return ""
		}
	}
	if err != nil {
		return "" // The caller compares what else is known about the file.
	}
	return fmt.Sprintf("%d:%x", h.Type(), h.Bytes())
}
