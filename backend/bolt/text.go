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
//
// Most container IDs are 64 hexadecimal digits, a boot ID is a UUID, and the
// runtimes end the path of a network namespace in one: a lease takes half the
// room.
const (
	plain = iota
	packed
	suffix
)

const (
	uuidLen  = 16 // bytes of a UUID
	uuidText = 36 // characters of a UUID
)

func appendText(b []byte, s string) []byte {
	if raw, ok := unhex(s); ok {
		return appendForm(b, raw, packed)
	}
	if cut := len(s) - uuidText; cut >= 0 {
		if raw, ok := parseUUID(s[cut:]); ok {
			return appendForm(b, append([]byte(s[:cut]), raw...), suffix)
		}
	}
	return appendForm(b, []byte(s), plain)
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
	if n <= 0 {
		*r = nil
		return 0
	}
	*r = (*r)[n:]
	return v
}

func (r *reader) text() string {
	header, n := binary.Uvarint(*r)
	size := header >> 2
	if n <= 0 || size > uint64(len(*r)-n) {
		*r = nil
		return ""
	}
	raw := (*r)[n : n+int(size)]
	*r = (*r)[n+int(size):]
	switch form := header & 3; {
	case form == plain:
		return string(raw)
	case form == packed:
		return hex.EncodeToString(raw)
	case form == suffix && size >= uuidLen:
		cut := size - uuidLen
		return string(raw[:cut]) + formatUUID([uuidLen]byte(raw[cut:]))
	}
	*r = nil
	return ""
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
