package files

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/sentinel"
)

// errForgotten: the directory has leases that it does not list.
var errForgotten = sentinel.Kind(unix.EIO, "btrfs has failed and is read-only until it is mounted again")

// checkListing returns an error if the names that were just listed need not be all. A btrfs that cannot write to
// its disk forgets the names since its last commit, even of files that were synced, and becomes read-only.
// With the next mount they are there again. Until then a DEL would find nothing, and succeed.
func (d *dir) checkListing() error {
	var st unix.Statfs_t
	if _, err := retry(func() (int, error) { return 0, unix.Fstatfs(d.fd(), &st) }); err != nil {
		return d.fail("read", "", err)
	}
	if uint32(st.Type) != unix.BTRFS_SUPER_MAGIC || st.Flags&unix.ST_RDONLY == 0 {
		return nil
	}
	if readOnly, err := d.mountedReadOnly(); err != nil || readOnly {
		return d.fail("read", "", err)
	}
	return d.fail("read", "", errForgotten)
}

// mountedReadOnly reports whether the directory's mount is read-only, and not only the file system.
func (d *dir) mountedReadOnly() (bool, error) {
	var st unix.Statx_t
	if err := unix.Statx(d.fd(), "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &st); err != nil {
		return false, err
	}
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return false, err
	}
	defer mounts.Close() // It was only read.
	id := strconv.FormatUint(st.Mnt_id, 10)
	lines := bufio.NewScanner(mounts)
	for lines.Scan() {
		// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue: proc_pid_mountinfo(5)
		if fields := strings.Fields(lines.Text()); len(fields) > 5 && fields[0] == id {
			return strings.HasPrefix(fields[5]+",", "ro,"), nil
		}
	}
	return false, lines.Err()
}
