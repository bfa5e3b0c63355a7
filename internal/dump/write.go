package dump

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/leasehold/leasehold/backend"
)

// Version is the version of the format that is written, and the only one that is
// read.
const Version = 1

// The seconds that RFC 3339 can name: the years 0 to 9999.
const firstSecond, lastSecond = -62167219200, 253402300799

// Write writes what the store of a network holds, and returns the number of leases.
// The store is the kind of it, config.Files or config.Bolt, or empty. Of the time of a
// lease the whole seconds are written.
//
// After an error, what has been written has no end, and [Reader] refuses it. A lease
// that [backend.Lease.Validate] refuses is such an error, and one out of order.
func Write(w io.Writer, network, store string, c backend.Content) (int, error) {
	if err := checkHeader(network, store, c); err != nil {
		return 0, fmt.Errorf("network %s: %w", network, err)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	var o line
	o.header(network, store, c)
	out.Write(o.end()) // Flush will return what went wrong
	n, err := writeLeases(out, network, c.Leases)
	if err != nil {
		return n, err
	}
	o.text("end", network)
	o.number("leases", int64(n))
	out.Write(o.end())
	return n, out.Flush()
}

func writeLeases(out *bufio.Writer, network string, leases iter.Seq2[backend.Lease, error]) (int, error) {
	var o line
	var written sequence
	for l, err := range leases {
		if err != nil {
			return written.count, err
		}
		if err := l.Validate(); err != nil {
			return written.count, fmt.Errorf("%s of %s: %w", l.Addr, l.Owner, err)
		}
		if err := written.add(l.Addr); err != nil {
			return written.count, err
		}
		o.lease(network, l)
		if _, err := out.Write(o.end()); err != nil {
			return written.count, err
		}
	}
	return written.count, nil
}

func (o *line) header(network, store string, c backend.Content) {
	o.number("leasehold", Version)
	o.text("network", network)
	o.text("store", store)
	o.text("boot", c.Boot)
	if len(c.Cursors) == 0 {
		return
	}
	var cursors line
	for _, set := range slices.Sorted(maps.Keys(c.Cursors)) {
		cursors.text(set, c.Cursors[set].String())
	}
	o.object("cursors", cursors)
}

// A line is a JSON object that is being written. Names and addresses that have been
// checked contain no control character, and so nothing but quotes and backslashes
// needs to be escaped.
type line struct{ buf []byte }

// end returns the line. The next one overwrites it.
func (o *line) end() []byte {
	whole := append(o.buf, '}', '\n')
	o.buf = whole[:0]
	return whole
}

func (o *line) lease(network string, l backend.Lease) {
	o.text("network", network)
	o.key("address")
	o.buf = append(o.buf, '"')
	o.buf = l.Addr.AppendTo(o.buf)
	o.buf = append(o.buf, '"')
	o.text("containerID", l.Owner.ContainerID)
	o.text("ifname", l.Owner.IfName)
	o.since(l.Since)
	o.text("boot", l.Boot)
	o.text("podNamespace", l.Pod.Namespace)
	o.text("podName", l.Pod.Name)
	o.text("netns", l.Netns)
}

func (o *line) since(t time.Time) {
	seconds := t.Unix()
	switch t = time.Unix(seconds, 0).UTC(); {
	case t.IsZero():
	case seconds < firstSecond || seconds > lastSecond:
		o.number("sinceUnix", seconds)
	default:
		o.key("since")
		o.buf = append(o.buf, '"')
		o.buf = t.AppendFormat(o.buf, time.RFC3339)
		o.buf = append(o.buf, '"')
	}
}

// key begins the object, or goes on with it.
func (o *line) key(name string) {
	separator := byte(',')
	if len(o.buf) == 0 {
		separator = '{'
	}
	o.buf = append(o.buf, separator, '"')
	o.buf = append(o.buf, name...)
	o.buf = append(o.buf, '"', ':')
}

func (o *line) number(key string, n int64) {
	o.key(key)
	o.buf = strconv.AppendInt(o.buf, n, 10)
}

// object writes an object that is not empty.
func (o *line) object(key string, value line) {
	o.key(key)
	o.buf = append(o.buf, value.buf...)
	o.buf = append(o.buf, '}')
}

// text leaves out what is empty.
func (o *line) text(key, s string) {
	switch {
	case s == "":
		return
	case !utf8.ValidString(s):
		o.text(key+"Bytes", base64.StdEncoding.EncodeToString([]byte(s)))
		return
	}
	o.key(key)
	o.buf = append(o.buf, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			o.buf = append(o.buf, '\\')
		}
		o.buf = append(o.buf, s[i])
	}
	o.buf = append(o.buf, '"')
}
