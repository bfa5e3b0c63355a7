package files

import (
	"cmp"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/owner"
)

// A maker makes the files of a new store, hardly slower than the file system can create names:
// one goroutine creates the files, in the order of addresses, and another fills them in
// batches. Two goroutines that create files would only wait for each other, because a directory
// has one lock. Package os would add a quarter of the time.
//
// A few files are synced one by one. For 65,000 that would take a minute, so the whole file
// system is synced instead, which reports write errors since Linux 5.8. That begins while files
// are still being created. It also waits for the writes of all other programs, so it is not
// done for a few files.
type maker struct {
	dir    *dir
	owner  owner.Owner // of the files
	made   int
	first  []string // the names of the first maxSyncedSingly files
	batch  []opened
	filled chan error // the result of the batch before, once it is done
	synced chan error // the result of the last sync, once it is done
}

// An opened file is created, and empty.
type opened struct {
	fd int
	newFile
}

const (
	// batchLen is how many files are created before they are filled. Twice as many are open at
	// once.
	batchLen = 64

	// maxSyncedSingly is up to how many files are synced one by one.
	maxSyncedSingly = 1024

	// syncEvery is after how many files a sync begins, unless one is under way.
	syncEvery = 8192
)

func newMaker(d *dir) *maker {
	m := &maker{dir: d, owner: owner.In(d.path), filled: make(chan error, 1), synced: make(chan error, 1)}
	m.filled <- nil
	m.synced <- nil
	return m
}

// make creates a file, which must not exist. It is complete and durable after finish.
func (m *maker) make(c newFile) error {
	fd, err := m.dir.openAs(m.owner, c.name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, c.mode())
	if err != nil {
		return m.dir.explainColon(c.name, m.dir.fail("create", c.name, err))
	}
	if err := m.owner.Give(fd); err != nil {
		return m.dir.fail("chown", c.name, errors.Join(err, unix.Close(fd)))
	}
	m.batch = append(m.batch, opened{fd, c})
	if m.made < maxSyncedSingly {
		m.first = append(m.first, c.name)
	}
	if m.made++; m.made%syncEvery == 0 {
		m.beginSync()
	}
	if len(m.batch) < batchLen {
		return nil
	}
	return m.flush()
}

// flush starts filling the batch once the batch before is done.
func (m *maker) flush() error {
	if err := <-m.filled; err != nil {
		m.filled <- err
		return err
	}
	batch := m.batch
	m.batch = make([]opened, 0, batchLen)
	go func() { m.filled <- m.fill(batch) }()
	return nil
}

// fill closes all files, also after an error.
func (m *maker) fill(batch []opened) (err error) {
	for _, f := range batch {
		if err == nil {
			err = m.write(f)
		}
		if closeErr := unix.Close(f.fd); err == nil {
			err = m.dir.fail("close", f.name, closeErr)
		}
	}
	return err
}

func (m *maker) write(f opened) error {
	content := []byte(f.content)
	for len(content) > 0 {
		n, err := retry(func() (int, error) { return unix.Write(f.fd, content) })
		if err != nil {
			return m.dir.fail("write", f.name, err)
		}
		content = content[n:]
	}
	if f.since.IsZero() {
		return nil
	}
	return m.dir.fail("set time of", f.name, m.dir.setTimes(f.name, f.since))
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

// finish makes all files durable.
func (m *maker) finish() error {
	if err := m.flush(); err != nil {
		return err
	}
	filled, synced := m.stop()
	if err := cmp.Or(filled, synced); err != nil {
		return err
	}
	if m.made > maxSyncedSingly {
		return m.dir.fail("sync", "", unix.Syncfs(m.dir.fd()))
	}
	for _, name := range m.first {
		if err := m.sync(name); err != nil {
			return m.dir.fail("sync", name, err)
		}
	}
	return nil
}

func (m *maker) sync(name string) error {
	fd, err := retry(func() (int, error) { return unix.Openat(m.dir.fd(), name, unix.O_RDONLY|safeFlags, 0) })
	if err != nil {
		return err
	}
	return cmp.Or(unix.Fsync(fd), unix.Close(fd))
}

// stop waits for the goroutines, and abandons the rest of the batch.
func (m *maker) stop() (filled, synced error) {
	filled, synced = <-m.filled, <-m.synced
	m.filled <- filled
	m.synced <- synced
	for _, f := range m.batch {
		unix.Close(f.fd) // Nothing was written to it.
	}
	m.batch = nil
	return filled, synced
}
