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

// Version is the latest supported version of the format. Version 1 has no ended leases.
const Version = 2

// The seconds that RFC 3339 can express: the years 0 to 9999.
const firstSecond, lastSecond = -62167219200, 253402300799

// Write writes the content of a network's store, and returns the number of leases. If it has no
// history, earlier programs can read the output. store is
// its kind, config.Files or config.Bolt, or empty. Times of leases are written in whole
// seconds.
//
// After an error the output has no end, and [Reader] rejects it. It is an error if a lease
// is out of order, or [backend.Lease.Validate] rejects it, or [backend.Ended.Validate] an ended
// lease.
func Write(w io.Writer, network, store string, c backend.Content) (int, error) {
	if err := checkHeader(network, store, c); err != nil {
		return 0, fmt.Errorf("network %s: %w", network, err)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	var o line
	o.header(network, store, c)
	out.Write(o.end()) // Flush returns the error
	for _, b := range c.Blocks {
		o.block(network, b)
		out.Write(o.end()) // likewise
	}
	n, err := writeLeases(out, network, c.Leases)
	if err != nil {
		return n, err
	}
	recorded, err := writeHistory(out, network, c.History)
	if err != nil {
		return n, err
	}
	o.text("end", network)
	o.number("leases", int64(n))
	if recorded > 0 {
		o.number("ended", int64(recorded))
	}
	out.Write(o.end())
	return n, out.Flush()
}

func writeHistory(out *bufio.Writer, network string, history iter.Seq2[backend.Ended, error]) (n int, err error) {
	if history == nil {
		return 0, nil
	}
	var o line
	for e, err := range history {
		if err == nil {
			err = e.Validate()
		}
		if err != nil {
			return n, fmt.Errorf("ended lease of %s: %w", e.Addr, err)
		}
		o.lease(network, e.Lease)
		o.time("until", "untilUnix", e.Until)
		o.text("cause", e.Cause.String())
		if _, err := out.Write(o.end()); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
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
	version := int64(1)
	if c.History != nil {
		version = Version
	}
	o.number("leasehold", version)
	o.text("network", network)
	o.text("store", store)
	o.text("boot", c.LastSearch)
	if !c.Gap.IsZero() && c.History != nil {
		o.number("historyGapUnix", c.Gap.Unix())
	}
	if len(c.Cursors) > 0 {
		var cursors line
		for _, set := range slices.Sorted(maps.Keys(c.Cursors)) {
			cursors.text(set, c.Cursors[set].String())
		}
		o.object("cursors", cursors)
	}
	o.member(c.Membership, len(c.Blocks))
}

// A line is a JSON object under construction. Valid names and addresses contain no control
// characters, so only quotes and backslashes need escaping.
type line struct{ buf []byte }

// end returns the line, which the next line overwrites.
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
	o.time("since", "sinceUnix", l.Since)
	o.text("boot", l.Boot)
	o.text("podNamespace", l.Pod.Namespace)
	o.text("podName", l.Pod.Name)
	o.text("netns", l.Netns)
}

// time writes a time at one of two keys.
func (o *line) time(key, keyUnix string, t time.Time) {
	seconds := t.Unix()
	switch t = time.Unix(seconds, 0).UTC(); {
	case t.IsZero():
	case seconds < firstSecond || seconds > lastSecond:
		o.number(keyUnix, seconds)
	default:
		o.key(key)
		o.buf = append(o.buf, '"')
		o.buf = t.AppendFormat(o.buf, time.RFC3339)
		o.buf = append(o.buf, '"')
	}
}

// key begins or continues the object.
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

// object writes a non-empty object.
func (o *line) object(key string, value line) {
	o.key(key)
	o.buf = append(o.buf, value.buf...)
	o.buf = append(o.buf, '}')
}

// text omits empty strings.
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
