package format

import (
	"encoding/binary"
	"encoding/hex"
)

// Text in a record is a uvarint header and bytes. The header is the number of bytes times
// four, plus the form in which they are written. Most container IDs are 64 hexadecimal
// digits, and runtimes end the path of a network namespace in a UUID, so the forms halve
// the size of a lease.
const (
	formPlain  = iota // as it is
	formHex           // lower-case hexadecimal digits, two to a byte
	formSuffix        // as it is but for the last 16 bytes, which are a UUID
	formPath          // the number of one of the prefixes below, and a UUID
)

// pathPrefixes returns the prefixes of a network namespace's path: of containerd and of CRI-O,
// each also with the symbolic link /var/run resolved. Their order is part of the format.
func pathPrefixes() [4]string {
	return [...]string{"/var/run/netns/cni-", "/run/netns/cni-", "/var/run/netns/", "/run/netns/"}
}

const (
	uuidLen  = 16 // bytes of a UUID
	uuidText = 36 // characters of a UUID
)

func appendText(b []byte, s string) []byte {
	if isHex(s) {
		return appendHex(appendHeader(b, len(s)/2, formHex), s)
	}
	cut := len(s) - uuidText
	if cut < 0 || !isUUID(s[cut:]) {
		return append(appendHeader(b, len(s), formPlain), s...)
	}
	for number, prefix := range pathPrefixes() {
		if prefix == s[:cut] {
			return appendUUID(append(appendHeader(b, 1+uuidLen, formPath), byte(number)), s[cut:])
		}
	}
	return appendUUID(append(appendHeader(b, cut+uuidLen, formSuffix), s[:cut]...), s[cut:])
}

func appendHeader(b []byte, size int, form uint64) []byte {
	return binary.AppendUvarint(b, uint64(size)<<2|form)
}

// A reader takes fields off the front of a record. A field that is missing or malformed
// makes it nil; all further fields are zero values.
type reader []byte

func (r *reader) varint() int64 {
	v, n := binary.Varint(*r)
	r.skip(n)
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(*r)
	r.skip(n)
	return v
}

// skip skips a number of n bytes, as package binary returns it: n is not positive if there
// was none.
func (r *reader) skip(n int) {
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

// expand returns the text that raw is in the given form.
func expand(raw []byte, form uint64) (s string, ok bool) {
	cut := len(raw) - uuidLen
	switch {
	case form == formPlain:
		return string(raw), true
	case form == formHex:
		return hex.EncodeToString(raw), true
	case form == formSuffix && cut >= 0:
		return string(raw[:cut]) + formatUUID([uuidLen]byte(raw[cut:])), true
	case form == formPath && cut == 1:
		prefixes := pathPrefixes()
		if n := int(raw[0]); n < len(prefixes) {
			return prefixes[n] + formatUUID([uuidLen]byte(raw[cut:])), true
		}
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
	b, _ = hex.AppendDecode(b, []byte(s)) // It fails only for what isHex rejects.
	return b
}

// isUUID reports whether s, which has the length of a UUID, is one in the form of RFC 9562,
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
