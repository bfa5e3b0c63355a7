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
	// chunkLen is how many files a goroutine reads at a time. For fewer files, starting one
	// does not pay.
	chunkLen = 256

	maxReaders = 4
)

// A scan finds the lease files that begin with a container ID, which takes reading every file.
// With many leases a transaction spends most of its time on that, so the scan begins while the
// directory is still being listed.
type scan struct {
	dir    *dir
	id     []byte
	chunk  []netip.Addr      // not full yet
	chunks chan []netip.Addr // nil until there is a full one
	worker sync.WaitGroup

	mu       sync.Mutex
	matching []netip.Addr
	err      error
}

// add queues the lease file of addr.
func (s *scan) add(addr netip.Addr) {
	if s.chunk = append(s.chunk, addr); len(s.chunk) < chunkLen {
		return
	}
	if s.chunks == nil {
		s.start()
	}
	s.chunks <- s.chunk
	s.chunk = make([]netip.Addr, 0, chunkLen)
}

func (s *scan) start() {
	workers := min(runtime.GOMAXPROCS(0), maxReaders)
	s.chunks = make(chan []netip.Addr, chunkLen)
	for range workers {
		s.worker.Go(func() {
			r := newReader(s.dir)
			for chunk := range s.chunks {
				s.read(r, chunk)
			}
		})
	}
}

// finish waits until all files are read, and returns the addresses whose files match. It must
// be called even if the result is not needed.
func (s *scan) finish() ([]netip.Addr, error) {
	if s.chunks != nil {
		close(s.chunks)
	}
	s.read(newReader(s.dir), s.chunk)
	s.worker.Wait()
	return s.matching, s.err
}

func (s *scan) read(r *reader, chunk []netip.Addr) {
	for _, addr := range chunk {
		content, err := r.read(addr)
		if errors.Is(err, fs.ErrNotExist) {
			continue // Another program has removed it without the lock.
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
		s.matching = append(s.matching, addr)
	} else if s.err == nil {
		s.err = err
	}
}

// A reader reads lease files, one at a time.
type reader struct {
	dir     *dir
	name    []byte
	content []byte
}

func newReader(d *dir) *reader { return &reader{dir: d, content: make([]byte, maxContent)} }

// read leaves everything unusual to dir.read. For anything other than a regular file, it
// returns no content.
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
