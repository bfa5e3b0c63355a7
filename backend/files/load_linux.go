package files

import (
	"cmp"
	"time"

	"golang.org/x/sys/unix"
)

// A maker makes the files of a new store, one after the other: two goroutines that make
// files in one directory wait for each other more than they work. What takes
// long in one of them, besides the file system, is package os, of which only the
// system calls are used.
//
// To sync file by file would take a thousand times as long as to make them. The
// whole file system is synced instead, which since Linux 5.8 reports what could not
// be written, and is begun while there are files to make.
type maker struct {
	dir    *dir
	made   int
	synced chan error // how the last sync went, once it is done
}

// syncEvery is after how many files a sync begins, if none is under way.
const syncEvery = 8192

func newMaker(d *dir) *maker {
	m := &maker{dir: d, synced: make(chan error, 1)}
	m.synced <- nil
	return m
}

// make makes a file that is not there. Finish makes it durable.
func (m *maker) make(c create) error {
	fd, err := retry(func() (int, error) {
		return unix.Openat(m.dir.fd(), c.name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|careful, 0o600)
	})
	if err != nil {
		return m.dir.fail("create", c.name, err)
	}
	err = writeFull(fd, []byte(c.content))
	if err == nil && !c.since.IsZero() {
		err = m.setTime(c.name, c.since)
	}
	if err := cmp.Or(err, unix.Close(fd)); err != nil {
		return m.dir.fail("write", c.name, err)
	}
	if m.made++; m.made%syncEvery == 0 {
		m.beginSync()
	}
	return nil
}

func writeFull(fd int, content []byte) error {
	for len(content) > 0 {
		n, err := retry(func() (int, error) { return unix.Write(fd, content) })
		if err != nil {
			return err
		}
		content = content[n:]
	}
	return nil
}

func (m *maker) setTime(name string, t time.Time) error {
	modified, err := unix.TimeToTimespec(t)
	if err != nil {
		return err
	}
	// Both times: see fill.
	return unix.UtimesNanoAt(m.dir.fd(), name, []unix.Timespec{modified, modified}, 0)
}

// beginSync does nothing if a sync is under way, or has failed.
func (m *maker) beginSync() {
	select {
	case err := <-m.synced:
		if err != nil {
			m.synced <- err
			return
		}
		go func() { m.synced <- unix.Syncfs(m.dir.fd()) }()
	default:
	}
}

// finish makes durable what was made.
func (m *maker) finish() error {
	err := <-m.synced
	if err == nil {
		err = unix.Syncfs(m.dir.fd())
	}
	m.synced <- err
	return m.dir.fail("sync", "", err)
}

// stop waits for the sync that is under way.
func (m *maker) stop() {
	err := <-m.synced
	m.synced <- err
}
