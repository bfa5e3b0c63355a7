package files

import (
	"iter"
	"net/netip"
	"runtime"
	"slices"
	"sync"

	"github.com/leasehold/leasehold/backend"
)

// A part is some of the addresses of an iteration. To read 65,000 files in two
// goroutines, and not in the one that does something with them, takes two thirds of
// the time.
type part struct {
	addrs []netip.Addr
	files []leaseFile // of each address, if they were read ahead
	done  chan struct{}
}

// A leaseFile is what a lease file holds. If it is not ok it was not read.
type leaseFile struct {
	owner backend.Owner
	info  info
	ok    bool
}

// file returns the file of the i-th address.
func (p *part) file(i int) leaseFile {
	if p.files == nil {
		return leaseFile{}
	}
	return p.files[i]
}

// partsAhead is how many parts are read before they are asked for: enough for
// those who read not to wait.
const partsAhead = 2 * maxReading

// readAhead divides addresses into parts. While somebody works on one, several
// goroutines read the files of the next ones. Those of the first part are not read
// ahead: short iterations start no goroutine, and those that end early have read
// nothing in vain.
func (d *dir) readAhead(addrs []netip.Addr) iter.Seq[*part] {
	return func(yield func(*part) bool) {
		first := addrs[:min(len(addrs), partLen)]
		if !yield(&part{addrs: first}) || len(first) == len(addrs) {
			return
		}
		var parts []*part
		for some := range slices.Chunk(addrs[len(first):], partLen) {
			parts = append(parts, &part{addrs: some, done: make(chan struct{})})
		}
		d.readParts(parts, yield)
	}
}

func (d *dir) readParts(parts []*part, yield func(*part) bool) {
	work := make(chan *part, partsAhead)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer close(work)
	for range min(runtime.GOMAXPROCS(0), maxReading) {
		readers.Go(func() {
			buf := make([]byte, maxContent)
			for p := range work {
				p.read(d, buf)
			}
		})
	}
	given := 0
	for i, p := range parts {
		for ; given < min(i+partsAhead, len(parts)); given++ {
			work <- parts[given]
		}
		if <-p.done; !yield(p) {
			return
		}
		parts[i] = nil // What it holds is not needed any more.
	}
}

// read leaves alone what is not an ordinary lease file.
func (p *part) read(d *dir, buf []byte) {
	defer close(p.done)
	p.files = make([]leaseFile, len(p.addrs))
	for i, addr := range p.addrs {
		if content, info, err := d.read(fileName(addr), buf, maxContent); err == nil {
			p.files[i] = leaseFile{parseOwner(content), info, true}
		}
	}
}
