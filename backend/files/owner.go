package files

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/leasehold/leasehold/backend"
)

// lineBreak stands between container ID and interface name.
const lineBreak = "\r\n"

// maxContent is more than any lease file holds: two names and room for white
// space. A longer file is none.
const maxContent = 16 << 10

// content returns what a lease file of o holds. Without an interface name it is
// the ID alone, as in 2015.
func content(o backend.Owner) string {
	if o.IfName == "" {
		return o.ContainerID
	}
	return o.ContainerID + lineBreak + o.IfName
}

// parseOwner takes what stands in the file for what it is: if it is not what an
// Owner should be, the lease still belongs to whoever gives the same name. An
// empty file has a zero Owner.
func parseOwner(content []byte) backend.Owner {
	id, ifname, _ := strings.Cut(string(trim(content)), lineBreak)
	return backend.Owner{ContainerID: id, IfName: ifname}
}

// trim takes off white space, as the stock plugin does, and the NUL bytes that
// a file system can leave in place of content that a power cut kept from disk.
func trim(content []byte) []byte {
	return bytes.TrimFunc(content, func(r rune) bool { return unicode.IsSpace(r) || r == 0 })
}

// foreignOwner returns the owner under which a lease is shown whose file is none,
// for instance "(directory)", if that is what err says.
func foreignOwner(err error) (o backend.Owner, ok bool) {
	var what foreignError
	if !errors.As(err, &what) {
		return o, false
	}
	return backend.Owner{ContainerID: "(" + string(what) + ")"}, true
}

// Foreign reports whether l stands for something in the place of a lease file that
// is none, and what that is, for instance a directory: nobody holds the address, and
// yet it is taken.
func Foreign(l backend.Lease) (what string, ok bool) {
	what, open := strings.CutPrefix(l.Owner.ContainerID, "(")
	what, closed := strings.CutSuffix(what, ")")
	return what, open && closed && l.Owner.IfName == "" && slices.Contains(foreigners(), foreignError(what))
}
