package files

import (
	"net/netip"
	"runtime"
	"sync"

	"github.com/leasehold/leasehold/backend"
)

const (
	// chunkLen is how many files a goroutine reads at a time. For fewer files, starting one
	// does not pay.
	chunkLen = 256

	maxReaders = 4

	// maxQueued is how many chunks can wait for a reader before add waits: the names of 65,536
	// files, so that listing a directory rarely waits.
	maxQueued = 256
)

// A chunk is some of the lease files that a transaction reads, and what was read of them.
type chunk struct {
	addrs []netip.Addr
	done  chan struct{} // closed when it is read

	files    []leaseFile  // by [dir.readAhead]: one for each address
	matching []netip.Addr // by a scan
	err      error        // by a scan: why it read no further
}

// A leaseFile is the content of a lease file. If ok is false, it was not read.
type leaseFile struct {
	owner backend.Owner
	info  info
	ok    bool
}

func newChunk(addrs []netip.Addr) *chunk { return &chunk{addrs: addrs, done: make(chan struct{})} }

// readers are goroutines that read lease files, chunk by chunk. Reading 65,000 files in two
// goroutines, and not in the one that uses them, takes two thirds of the time.
type readers struct {
	dir    *dir
	read   func(*reader, *chunk)
	queue  chan *chunk // nil until there is a chunk
	active sync.WaitGroup
}

// add queues a chunk. The first one starts the goroutines.
func (r *readers) add(c *chunk) {
	if r.queue == nil {
		r.start()
	}
	r.queue <- c
}

func (r *readers) start() {
	r.queue = make(chan *chunk, maxQueued)
	for range min(runtime.GOMAXPROCS(0), maxReaders) {
		r.active.Go(func() {
			one := newReader(r.dir)
			for c := range r.queue {
				r.read(one, c)
				close(c.done)
			}
		})
	}
}

// stop waits until all chunks are read. Without it the goroutines would stay.
func (r *readers) stop() {
	if r.queue != nil {
		close(r.queue)
		r.active.Wait()
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

// readAll reads the files of a chunk with their times. It skips a file that is not an ordinary
// lease file.
func (r *reader) readAll(c *chunk) {
	c.files = make([]leaseFile, len(c.addrs))
	for i, addr := range c.addrs {
		if content, info, err := r.dir.read(fileName(addr), r.content, maxContent); err == nil {
			c.files[i] = leaseFile{parseOwner(content), info, true}
		}
	}
}
