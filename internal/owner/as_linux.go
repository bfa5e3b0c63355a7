package owner

import (
	"errors"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// As calls create, which makes a file or directory, with the rights of the owner: it belongs to the owner
// from the beginning, also if this process is killed. If the owner may not make it, this process does with
// its own rights, and so it does for the zero Owner.
//
// Only this thread has the rights of the owner, and only for files.
func (o Owner) As(create func() error) error {
	if o == (Owner{}) {
		return create()
	}
	if err := o.as(create); !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return create()
}

func (o Owner) as(create func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	group, user := os.Getegid(), os.Geteuid()
	defer func() {
		_ = unix.Setfsuid(user)  // It always succeeds: this is the ID of the process.
		_ = unix.Setfsgid(group) // Likewise.
	}()
	_ = unix.Setfsgid(o.group) // Without the capability it changes nothing, and Give does it afterwards.
	_ = unix.Setfsuid(o.user)  // Likewise.
	return create()
}
