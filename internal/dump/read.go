package dump

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/leasehold/leasehold/backend"
)

// A Reader reads the output of [Write]. An error names the line, and ends the reading unless [Reader.Skip]
// is called.
type Reader struct {
	lines   *bufio.Scanner
	number  int // of the last line read
	object  object
	again   bool            // the line that was read last begins the next network
	seen    map[string]bool // the networks so far
	current *Network        // nil between two networks
	err     error
}

// A line of Write has at most six names, or the cursors of a network. Six of the longest
// names, with all bytes escaped, are 144 KiB.
const maxLine = 1 << 20

// NewReader returns a Reader of r.
func NewReader(r io.Reader) *Reader {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), maxLine)
	return &Reader{lines: lines, seen: make(map[string]bool)}
}

// A Network is one network in a file.
type Network struct {
	Name string

	// Store is the kind of its store, config.Files or config.Bolt; empty if unknown.
	Store string

	// Content is the content of the store. Its leases can be read once, and only until the
	// next call of Next. They are valid and in ascending order, and complete if they end
	// without an error. So can its history, after the leases; it is nil in a file of version 1.
	backend.Content

	version    int64
	blockCount int64 // according to the header
	read       sequence
	ended      int            // how many ended leases were read
	next       *backend.Ended // one that was read when a lease was wanted
	begun      bool           // whether reading the leases has begun
}

// Next returns the next network, or [io.EOF]. Unread leases of the previous network are
// checked and skipped. A file without a network is an error.
func (r *Reader) Next() (*Network, error) {
	for r.err == nil && r.current != nil {
		if r.current.next == nil {
			r.lease(r.current)
		} else {
			r.nextEnded(r.current)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	n, err := r.header()
	if err != nil {
		r.err = err
		return nil, err
	}
	if err := r.blocks(n); err != nil {
		r.err = err
		return nil, err
	}
	n.Leases = r.leases(n)
	if n.version > 1 {
		n.History = r.history(n)
	}
	r.current = n
	return n, nil
}

// Skip has the next call of Next begin with the network after the one in which there was an error. It returns
// false at the end of the file. Without an error it does nothing.
func (r *Reader) Skip() bool {
	if r.err == nil {
		return true
	}
	r.err, r.current = nil, nil
	for !r.again {
		switch err := r.read(); {
		case r.lines.Err() != nil, errors.Is(err, io.EOF):
			return false
		case err == nil:
			r.again = r.object.has("leasehold")
		}
	}
	return true
}

func (r *Reader) leases(n *Network) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		if n.begun || r.current != n {
			yield(backend.Lease{}, fmt.Errorf("the leases of network %s were already read", n.Name))
			return
		}
		n.begun = true
		for r.current == n && n.next == nil {
			l, ok := r.lease(n)
			switch {
			case r.err != nil:
				yield(backend.Lease{}, r.err)
				return
			case ok && !yield(l, nil):
				return
			}
		}
	}
}

func (r *Reader) history(n *Network) iter.Seq2[backend.Ended, error] {
	return func(yield func(backend.Ended, error) bool) {
		for r.current == n && n.next == nil { // Leases that were not read are skipped.
			r.lease(n)
		}
		if r.err != nil {
			yield(backend.Ended{}, r.err)
			return
		}
		for r.current == n && n.next != nil {
			e := *n.next
			if r.nextEnded(n); r.err != nil {
				yield(backend.Ended{}, r.err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// nextEnded reads the next ended lease of n, the current network, into n.next. At the end of the
// network, and after an error, there is no current network.
func (r *Reader) nextEnded(n *Network) {
	n.next = nil
	if _, ok := r.lease(n); ok {
		r.err, r.current = r.at(errors.New("a lease after an ended lease")), nil
	}
}

// read parses the next line that is not empty.
func (r *Reader) read() error {
	for r.again || r.lines.Scan() {
		if !r.again {
			r.number++
		}
		r.again = false
		text := r.lines.Bytes()
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if err := r.object.parse(text); err != nil {
			return r.at(err)
		}
		return nil
	}
	err := r.lines.Err()
	if err == nil {
		return io.EOF
	}
	r.number++
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("longer than %d bytes", maxLine)
	}
	return r.at(err)
}

// at adds the line number to an error.
func (r *Reader) at(err error) error { return fmt.Errorf("line %d: %w", r.number, err) }

func (r *Reader) header() (*Network, error) {
	err := r.read()
	if errors.Is(err, io.EOF) && len(r.seen) == 0 {
		return nil, errors.New("the file is empty; a complete file has at least one network")
	}
	if err != nil {
		return nil, err
	}
	n, err := decodeHeader(&r.object)
	if err != nil {
		return nil, r.at(err)
	}
	if r.seen[n.Name] {
		return nil, r.at(fmt.Errorf("network %s is repeated", n.Name))
	}
	r.seen[n.Name] = true
	return n, nil
}

// lease reads the next lease of n, the current network. At the end of the network, and
// after an error, it returns false, and there is no current network. It also returns false if there
// is an ended lease, which is n.next then.
func (r *Reader) lease(n *Network) (backend.Lease, bool) {
	l, ok, err := r.leaseOrEnd(n)
	if err != nil {
		r.err = err
	}
	if !ok && n.next == nil {
		r.current = nil
	}
	return l, ok
}

// truncated says of [io.EOF] that n is not complete.
func (r *Reader) truncated(n *Network, err error) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	return fmt.Errorf("the file is truncated: network %s ends after %d leases: %w", n.Name, n.read.count, io.ErrUnexpectedEOF)
}

func (r *Reader) leaseOrEnd(n *Network) (l backend.Lease, ok bool, err error) {
	if err := r.read(); err != nil {
		return l, false, r.truncated(n, err)
	}
	switch {
	case r.object.has("end"):
		err = decodeEnd(&r.object, n)
	case r.object.has("leasehold"):
		r.again = true
		err = fmt.Errorf("another network begins before the end of network %s, after %d of its leases", n.Name, n.read.count)
	case r.object.has("block"):
		err = fmt.Errorf("network %s has more blocks than its header says: %d", n.Name, n.blockCount)
	case r.object.has("cause"), r.object.has("until"), r.object.has("untilUnix"):
		var e backend.Ended
		if e, err = decodeEnded(&r.object, n); err == nil {
			n.next = &e
		}
	default:
		l, err = decodeLease(&r.object, n)
		ok = err == nil
	}
	if err != nil {
		return backend.Lease{}, false, r.at(err)
	}
	return l, ok, nil
}
