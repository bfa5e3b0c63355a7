package files

import (
	"cmp"

	"golang.org/x/sys/unix"
)

// A maker makes the files of a new store. That takes hardly longer than the file system
// needs for the names: one goroutine makes the files, in the order of addresses, and
// another fills them, batch by batch. If both made files they would only wait for
// each other, as the directory has one lock. Package os is not used; it would add
// a quarter.
//
// A few files are synced one by one. To do so with 65,000 would take a minute: then the
// whole file system is synced, which since Linux 5.8 reports what could not be written.
// That begins while there are still files to make. It also waits for all that other
// programs have written meanwhile, which is why it is not for a few.
type maker struct {
	dir    *dir
	made   int
	few    []string // the names of all files, as long as they are few
	batch  []opened
	filled chan error // how the batch before went, once it is done
	synced chan error // how the last sync went, once it is done
}

// An opened file is made, and empty.
type opened struct {
	fd int
	create
}

const (
	// batchLen is how many files are made before they are filled. Twice as many
	// are open at once.
	batchLen = 64

	// fewFiles is up to how many files are synced one by one.
	fewFiles = 1024

	// syncEvery is after how many files a sync begins, if none is under way.
	syncEvery = 8192
)

func newMaker(d *dir) *maker {
	m := &maker{dir: d, filled: make(chan error, 1), synced: make(chan error, 1)}
	m.filled <- nil
	m.synced <- nil
	return m
}

// make makes a file that is not there. It is whole, and durable, after finish.
func (m *maker) make(c create) error {
	fd, err := retry(func() (int, error) {
		return unix.Openat(m.dir.fd(), c.name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|careful, 0o600)
	})
	if err != nil {
		return m.dir.ifColon(c.name, m.dir.fail("create", c.name, err))
	}
	m.batch = append(m.batch, opened{fd, c})
	if m.made < fewFiles {
		m.few = append(m.few, c.name)
	}
	if m.made++; m.made%syncEvery == 0 {
		m.beginSync()
	}
	if len(m.batch) < batchLen {
		return nil
	}
	return m.flush()
}

// flush has the batch filled once the one before is.
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

// fill closes all of the files, after an error too.
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

// finish makes durable what was made.
func (m *maker) finish() error {
	if err := m.flush(); err != nil {
		return err
	}
	filled, synced := m.stop()
	if err := cmp.Or(filled, synced); err != nil {
		return err
	}
	if m.made > fewFiles {
		return m.dir.fail("sync", "", unix.Syncfs(m.dir.fd()))
	}
	for _, name := range m.few {
		if err := m.sync(name); err != nil {
			return m.dir.fail("sync", name, err)
		}
	}
	return nil
}

func (m *maker) sync(name string) error {
	fd, err := retry(func() (int, error) { return unix.Openat(m.dir.fd(), name, unix.O_RDONLY|careful, 0) })
	if err != nil {
		return err
	}
	return cmp.Or(unix.Fsync(fd), unix.Close(fd))
}

// stop waits for what is under way, and gives up what is not.
func (m *maker) stop() (filled, synced error) {
	filled, synced = <-m.filled, <-m.synced
	m.filled <- filled
	m.synced <- synced
	for _, f := range m.batch {
		unix.Close(f.fd) // Nobody needs it any more.
	}
	m.batch = nil
	return filled, synced
}
