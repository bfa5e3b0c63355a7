package files

import (
	"bytes"
	"errors"
	"io/fs"
	"net/netip"
	"runtime"
	"sync"
)

const (
	// partLen is how many files a goroutine reads at a time. With fewer than
	// that in all it does not pay to start one.
	partLen = 256

	// maxReading is how many goroutines read at once.
	maxReading = 4
)

// A scan looks for the lease files that begin with a container ID, and reads every
// file for that: it is what a transaction spends its time on if there are many
// leases. So it begins while the directory is still being listed.
type scan struct {
	dir    *dir
	id     []byte
	part   []netip.Addr      // fills up
	parts  chan []netip.Addr // full ones; nil until there is one
	worker sync.WaitGroup

	mu    sync.Mutex
	found []netip.Addr
	err   error
}

// add has the lease file of addr read, sooner or later.
func (s *scan) add(addr netip.Addr) {
	if s.part = append(s.part, addr); len(s.part) < partLen {
		return
	}
	if s.parts == nil {
		s.start()
	}
	s.parts <- s.part
	s.part = make([]netip.Addr, 0, partLen)
}

func (s *scan) start() {
	workers := min(runtime.GOMAXPROCS(0), maxReading)
	s.parts = make(chan []netip.Addr, partLen)
	for range workers {
		s.worker.Go(func() {
			r := newReader(s.dir)
			for part := range s.parts {
				s.read(r, part)
			}
		})
	}
}

// finish returns the addresses whose files were found once all are read. It must
// be called even if nobody wants to know.
func (s *scan) finish() ([]netip.Addr, error) {
	if s.parts != nil {
		close(s.parts)
	}
	s.read(newReader(s.dir), s.part)
	s.worker.Wait()
	return s.found, s.err
}

func (s *scan) read(r *reader, part []netip.Addr) {
	for _, addr := range part {
		content, err := r.read(addr)
		if errors.Is(err, fs.ErrNotExist) {
			continue // Somebody has removed it without the lock.
		}
		if err != nil || bytes.HasPrefix(trim(content), s.id) {
			s.report(addr, err)
		}
	}
}

func (s *scan) report(addr netip.Addr, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.found = append(s.found, addr)
	} else if s.err == nil {
		s.err = err
	}
}

// A reader reads one lease file after the other.
type reader struct {
	dir     *dir
	name    []byte
	content []byte
}

func newReader(d *dir) *reader { return &reader{dir: d, content: make([]byte, maxContent)} }

// read has what is out of the ordinary done by dir.read. What stands in the place
// of a lease file has no content.
func (r *reader) read(addr netip.Addr) ([]byte, error) {
	r.name = append(appendFileName(r.name[:0], addr), 0)
	if n := r.readFast(); n >= 0 {
		return r.content[:n], nil
	}
	content, _, err := r.dir.read(fileName(addr), r.content, maxContent)
	if _, ok := foreignOwner(err); ok {
		return nil, nil
	}
	return content, err
}
