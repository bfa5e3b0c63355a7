package bolt

import (
	"encoding/binary"
	"encoding/hex"
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
	if isHex(s) {
		return appendHex(appendHeader(b, len(s)/2, packed), s)
	}
	cut := len(s) - uuidText
	if cut < 0 || !isUUID(s[cut:]) {
		return append(appendHeader(b, len(s), plain), s...)
	}
	for number := byte(0); ; number++ {
		prefix, ok := pathPrefix(number)
		if !ok {
			b = append(appendHeader(b, cut+uuidLen, suffix), s[:cut]...)
			return appendUUID(b, s[cut:])
		}
		if prefix == s[:cut] {
			b = append(appendHeader(b, 1+uuidLen, path), number)
			return appendUUID(b, s[cut:])
		}
	}
}

func appendHeader(b []byte, size int, form uint64) []byte {
	return binary.AppendUvarint(b, uint64(size)<<2|form)
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

// isHex reports whether s spells bytes in lower-case hexadecimal digits.
func isHex(s string) bool {
	if s == "" || len(s)%2 != 0 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || '9' < c) && (c < 'a' || 'f' < c) {
			return false
		}
	}
	return true
}

// appendHex appends the bytes that s spells, for which isHex holds.
func appendHex(b []byte, s string) []byte {
	for i := 0; i < len(s); i += 2 {
		b = append(b, nibble(s[i])<<4|nibble(s[i+1]))
	}
	return b
}

func nibble(digit byte) byte {
	if digit >= 'a' {
		return digit - 'a' + 10
	}
	return digit - '0'
}

// isUUID reports whether s, of the length of one, is a UUID in the form of RFC 9562,
// section 4, in lower case.
func isUUID(s string) bool {
	return s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' &&
		isHex(s[:8]) && isHex(s[9:13]) && isHex(s[14:18]) && isHex(s[19:23]) && isHex(s[24:])
}

// appendUUID appends the bytes of s, for which isUUID holds.
func appendUUID(b []byte, s string) []byte {
	for _, part := range [...]string{s[:8], s[9:13], s[14:18], s[19:23], s[24:]} {
		b = appendHex(b, part)
	}
	return b
}

func formatUUID(u [uuidLen]byte) string {
	b := make([]byte, 0, uuidText)
	b = append(hex.AppendEncode(b, u[:4]), '-')
	b = append(hex.AppendEncode(b, u[4:6]), '-')
	b = append(hex.AppendEncode(b, u[6:8]), '-')
	b = append(hex.AppendEncode(b, u[8:10]), '-')
	return string(hex.AppendEncode(b, u[10:]))
}
