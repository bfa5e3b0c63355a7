package files

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"github.com/leasehold/leasehold/backend"
)

// lineBreak separates container ID and interface name.
const lineBreak = "\r\n"

// maxContent is more than any lease file takes: two names, and room for white space.
const maxContent = 16 << 10

// leaseContent returns the content of the lease file of o. Without an interface name that is the ID
// alone, as in 2015.
func leaseContent(o backend.Owner) string {
	if o.IfName == "" {
		return o.ContainerID
	}
	return o.ContainerID + lineBreak + o.IfName
}

// parseOwner does not validate: a lease with an invalid owner still belongs to a request with
// the same name. An empty file has a zero Owner.
func parseOwner(content []byte) backend.Owner {
	id, ifname, _ := strings.Cut(string(trim(content)), lineBreak)
	return backend.Owner{ContainerID: id, IfName: ifname}
}

// trim removes white space, as the stock plugin does, and the NUL bytes that a file system can
// leave after a power cut in place of unwritten content.
func trim(content []byte) []byte {
	return bytes.TrimFunc(content, func(r rune) bool { return unicode.IsSpace(r) || r == 0 })
}

// foreignOwner returns the owner to show, for instance "(directory)", if err is a foreignError.
func foreignOwner(err error) (o backend.Owner, ok bool) {
	var what foreignError
	if !errors.As(err, &what) {
		return o, false
	}
	return backend.Owner{ContainerID: "(" + string(what) + ")"}, true
}

// Foreign reports whether something other than a lease file, for instance a directory, has the
// name of l's address, and what it is. No container holds such an address, but it counts as
// taken.
//
// A lease of a container whose ID is such a text looks the same; [ForeignFile] tells them apart.
func Foreign(l backend.Lease) (what string, ok bool) {
	what, open := strings.CutPrefix(l.Owner.ContainerID, "(")
	what, closed := strings.CutSuffix(what, ")")
	return what, open && closed && l.Owner.IfName == "" && slices.Contains(foreigners(), foreignError(what))
}

// ForeignFile returns an [ErrForeign] if something other than a lease file has the name of addr's.
// r is the transaction of a Store.
func ForeignFile(r backend.ReadTx, addr netip.Addr) error {
	t, ok := r.(*tx)
	if !ok {
		return nil // It is of another store, or there is no directory yet.
	}
	err := t.withFile(addr, func(_, resolved string) error {
		_, _, err := t.dir.read(resolved, nil, maxContent)
		return err
	})
	if errors.Is(err, ErrForeign) {
		return err
	}
	return nil // There is a lease file, or none, or the transaction fails by itself.
}
