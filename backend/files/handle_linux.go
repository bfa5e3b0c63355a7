package files

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	// handleOnly asks for a handle that need not open the file (AT_HANDLE_FID, Linux 6.5).
	handleOnly = 0x200

	// overlayHandle is the type of a handle of overlayfs, which contains that of the layer.
	overlayHandle = 0xf8
)

// handle returns what the kernel tells this file by from all others that there ever were on
// its file system: the inode number and a generation, in the form of name_to_handle_at(2).
// It is empty if the file system, or a filter of system calls, does not allow that.
//
// overlayfs has handles only of the second kind, unless it is exported by NFS. Other file
// systems without handles make these up of the inode number alone.
func (d *dir) handle(name string) string {
	h, _, err := unix.NameToHandleAt(d.fd(), name, 0)
	if errors.Is(err, unix.EOPNOTSUPP) {
		h, _, err = unix.NameToHandleAt(d.fd(), name, handleOnly)
		if err == nil && h.Type() != overlayHandle {
			return ""
		}
	}
	if err != nil {
		return "" // The caller goes by what else is known of the file.
	}
	return fmt.Sprintf("%d:%x", h.Type(), h.Bytes())
}
