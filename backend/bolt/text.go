package bolt

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// Text in a record is a uvarint header and bytes. The header is the number of
// bytes times four, plus how they are written:
//
//	plain   as they are
//	packed  lower-case hexadecimal digits, two to a byte
//	suffix  as they are but for the last 16 bytes, which are a UUID
//	path    the number of one of the paths below, and a UUID
//
// Most container IDs are 64 hexadecimal digits, and the runtimes end the path of
// a network namespace in a UUID: a lease takes half the room.
const (
	plain = iota
	packed
	suffix
	path
)

// pathPrefix returns what the path of a network namespace begins with: that of
// containerd, CRI-O, and of either as the link /var/run resolves. The numbers are
// part of the format.
func pathPrefix(number byte) (prefix string, ok bool) {
	switch number {
	case 0:
		return "/var/run/netns/cni-", true
	case 1:
		return "/run/netns/cni-", true
	case 2:
		return "/var/run/netns/", true
	case 3:
		return "/run/netns/", true
	}
	return "", false
}

const (
	uuidLen  = 16 // bytes of a UUID
	uuidText = 36 // characters of a UUID
)

func appendText(b []byte, s string) []byte {
	if raw, ok := unhex(s); ok {
		return appendForm(b, raw, packed)
	}
	cut := len(s) - uuidText
	if cut < 0 {
		return appendForm(b, []byte(s), plain)
	}
	raw, ok := parseUUID(s[cut:])
	if !ok {
		return appendForm(b, []byte(s), plain)
	}
	for number := byte(0); ; number++ {
		prefix, ok := pathPrefix(number)
		if !ok {
			return appendForm(b, append([]byte(s[:cut]), raw...), suffix)
		}
		if prefix == s[:cut] {
			return appendForm(b, append([]byte{number}, raw...), path)
		}
	}
}

func appendForm(b, raw []byte, form uint64) []byte {
	b = binary.AppendUvarint(b, uint64(len(raw))<<2|form)
	return append(b, raw...)
}

// reader takes fields off the front of a record. It is nil after a field that is
// not there or makes no sense; zero values follow.
type reader []byte

func (r *reader) varint() int64 {
	v, n := binary.Varint(*r)
	r.pass(n)
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(*r)
	r.pass(n)
	return v
}

// pass goes on behind a number of n bytes; none are left where there was none.
func (r *reader) pass(n int) {
	if n <= 0 {
		*r = nil
		return
	}
	*r = (*r)[n:]
}

func (r *reader) text() string {
	header := r.uvarint()
	size := header >> 2
	if *r == nil || size > uint64(len(*r)) {
		*r = nil
		return ""
	}
	raw := (*r)[:size]
	*r = (*r)[size:]
	s, ok := expand(raw, header&3)
	if !ok {
		*r = nil
	}
	return s
}

// expand returns the text that raw stands for in the given form.
func expand(raw []byte, form uint64) (s string, ok bool) {
	cut := len(raw) - uuidLen
	switch {
	case form == plain:
		return string(raw), true
	case form == packed:
		return hex.EncodeToString(raw), true
	case form == suffix && cut >= 0:
		return string(raw[:cut]) + formatUUID([uuidLen]byte(raw[cut:])), true
	case form == path && cut == 1:
		prefix, ok := pathPrefix(raw[0])
		return prefix + formatUUID([uuidLen]byte(raw[cut:])), ok
	}
	return "", false
}

// unhex returns the bytes that s spells in lower-case hexadecimal digits.
func unhex(s string) ([]byte, bool) {
	if s == "" || strings.ToLower(s) != s {
		return nil, false
	}
	raw, err := hex.DecodeString(s)
	return raw, err == nil
}

// parseUUID returns the bytes of a UUID in the form of RFC 9562, section 4, in
// lower case.
func parseUUID(s string) ([]byte, bool) {
	if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return nil, false
	}
	return unhex(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
}

func formatUUID(u [uuidLen]byte) string {
	s := hex.EncodeToString(u[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
