package files

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"unsafe"

	"golang.org/x/sys/unix"
)

// direntBytes is the size of a buffer for about two thousand names.
const direntBytes = 64 << 10

// entries calls visit with each name in the directory and, if the file system tells it, the
// type of the file. os.File.ReadDir, for a directory opened through an os.Root, makes a system
// call for the type of each file.
func (d *dir) entries(visit func(name string, mode fs.FileMode) error) error {
	if _, err := d.self.Seek(0, 0); err != nil {
		return d.fail("read", "", err)
	}
	buf := make([]byte, direntBytes)
	for {
		n, err := retry(func() (int, error) { return unix.ReadDirent(d.fd(), buf) })
		if err != nil {
			return d.fail("read", "", err)
		}
		if n == 0 {
			return d.checkListing()
		}
		if err := eachDirent(buf[:n], visit); err != nil {
			return err
		}
	}
}

// eachDirent parses the result of getdents64(2).
func eachDirent(buf []byte, visit func(name string, mode fs.FileMode) error) error {
	const (
		reclen = unsafe.Offsetof(unix.Dirent{}.Reclen)
		typ    = unsafe.Offsetof(unix.Dirent{}.Type)
		text   = unsafe.Offsetof(unix.Dirent{}.Name)
	)
	for len(buf) > 0 {
		n := binary.NativeEndian.Uint16(buf[reclen:])
		name, _, _ := bytes.Cut(buf[text:n], []byte{0})
		mode := unknownMode
		if t := buf[typ]; t != unix.DT_UNKNOWN {
			mode = fileMode(uint32(t) << 12)
		}
		if err := visit(string(name), mode); err != nil {
			return err
		}
		buf = buf[n:]
	}
	return nil
}
