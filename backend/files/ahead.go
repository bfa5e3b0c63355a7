package files

import (
	"iter"
	"net/netip"
	"runtime"
	"slices"
	"sync"

	"github.com/leasehold/leasehold/backend"
)

// A chunk is some of the addresses of an iteration. Reading 65,000 files in two goroutines, and
// not in the one that uses them, takes two thirds of the time.
type chunk struct {
	addrs []netip.Addr
	files []leaseFile // one for each address, if they were read ahead
	done  chan struct{}
}

// A leaseFile is the content of a lease file. If ok is false, it was not read.
type leaseFile struct {
	owner backend.Owner
	info  info
	ok    bool
}

// file returns the file of the i-th address.
func (p *chunk) file(i int) leaseFile {
	if p.files == nil {
		return leaseFile{}
	}
	return p.files[i]
}

// chunksAhead is how many chunks are read ahead: enough to keep the readers busy.
const chunksAhead = 2 * maxReaders

// readAhead divides addresses into chunks. While the caller works on one, several goroutines
// read the files of the next ones. The first chunk is not read ahead, so that a short iteration
// starts no goroutine, and one that ends early has read nothing in vain.
func (d *dir) readAhead(addrs []netip.Addr) iter.Seq[*chunk] {
	return func(yield func(*chunk) bool) {
		first := addrs[:min(len(addrs), chunkLen)]
		if !yield(&chunk{addrs: first}) || len(first) == len(addrs) {
			return
		}
		var chunks []*chunk
		for some := range slices.Chunk(addrs[len(first):], chunkLen) {
			chunks = append(chunks, &chunk{addrs: some, done: make(chan struct{})})
		}
		d.readChunks(chunks, yield)
	}
}

func (d *dir) readChunks(chunks []*chunk, yield func(*chunk) bool) {
	work := make(chan *chunk, chunksAhead)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer close(work)
	for range min(runtime.GOMAXPROCS(0), maxReaders) {
		readers.Go(func() {
			buf := make([]byte, maxContent)
			for p := range work {
				p.read(d, buf)
			}
		})
	}
	given := 0
	for i, p := range chunks {
		for ; given < min(i+chunksAhead, len(chunks)); given++ {
			work <- chunks[given]
		}
		if <-p.done; !yield(p) {
			return
		}
		chunks[i] = nil // Let the garbage collector have it.
	}
}

// read skips a file that is not an ordinary lease file.
func (p *chunk) read(d *dir, buf []byte) {
	defer close(p.done)
	p.files = make([]leaseFile, len(p.addrs))
	for i, addr := range p.addrs {
		if content, info, err := d.read(fileName(addr), buf, maxContent); err == nil {
			p.files[i] = leaseFile{parseOwner(content), info, true}
		}
	}
}
