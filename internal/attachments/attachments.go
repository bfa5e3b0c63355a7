// Package attachments reads lists of the attachments in use, for a garbage collection that
// releases all other leases.
//
// [Read] accepts the output of runtimes, as text or JSON:
//
//	crictl pods -q                    one container ID per line
//	crictl pods -o json               {"items": [{"id": …}, …]}
//	podman ps -aq --no-trunc          one container ID per line
//	podman ps -a --format json        [{"Id": …}, …]
//	the input of a CNI GC             {"cni.dev/valid-attachments": [{"containerID": …, "ifname": …}, …]}
//
// It also accepts what scripts make of that output. A text list has a container ID per line,
// optionally followed by white space and an interface name; empty lines and lines that begin
// with # are skipped. A JSON list has one or more values, each of which is a container ID, an
// object with the key containerID or id and optionally ifname, an array of these, or one of
// the objects above.
//
// # Caveats
//
// A container that is overlooked would lose its address. So anything that Read does not
// understand is an error, and [List.Check] finds mistakes in lists that can be read: truncated
// IDs, which podman, nerdctl and docker print by default, IDs in upper case or with other text
// around them, IDs in comments, and names in place of interfaces. The CNI container ID of a
// Kubernetes pod is the ID of its sandbox; "crictl ps" prints other IDs. The CNI container ID
// of a nerdctl container has its namespace as a prefix: default-4f2d9c….
package attachments

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containernetworking/cni/pkg/utils"

	"github.com/leasehold/leasehold/backend"
)

// ErrEmpty means that a list has no attachments. Then all leases would be garbage, but usually
// the command that makes the list has failed.
var ErrEmpty = errors.New("the list of attachments is empty")

// A List is the attachments in use.
type List struct {
	Entries []Entry

	comments []comment
}

// An Entry is an attachment on a list. Without an interface name it means all interfaces of
// the container.
type Entry struct {
	backend.Owner

	// Where is the line of the entry and, in a JSON array, the element.
	Where string

	// isText reports that the interface name is the second word of a line. It may be the name
	// of the container, which some commands print there.
	isText bool
}

type comment struct{ text, where string }

// Owners returns the attachments.
func (l List) Owners() []backend.Owner {
	var owners []backend.Owner
	for _, e := range l.Entries {
		owners = append(owners, e.Owner)
	}
	return owners
}

// Read reads a list of attachments. An error names the line and, in a JSON array, the element.
// The list is also returned with [ErrEmpty].
func Read(r io.Reader) (List, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return List{}, err
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // a byte-order mark, as Windows tools write it
	parse := parseLines
	if start := bytes.TrimSpace(text); len(start) > 0 && strings.IndexByte(`{["`, start[0]) >= 0 {
		parse = parseJSON
	}
	l, err := parse(text)
	if err != nil {
		return List{}, err
	}
	if len(l.Entries) == 0 {
		err = ErrEmpty
	}
	return l, err
}

func parseLines(text []byte) (l List, err error) {
	number := 0
	for text := range strings.Lines(string(text)) {
		number++
		where := fmt.Sprintf("line %d", number)
		line := strings.TrimRight(strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r"), " \t")
		switch line = strings.TrimLeft(line, " \t"); {
		case strings.Contains(line, "\r"):
			// The text after it would be taken for an interface or a comment.
			return List{}, fmt.Errorf("%s: carriage return within a line: %q", where, line)
		case line == "":
			continue
		case line[0] == '#':
			l.comments = append(l.comments, comment{line, where})
			continue
		}
		e, err := parseLine(line)
		if err != nil {
			return List{}, fmt.Errorf("%s: %w", where, err)
		}
		e.Where = where
		l.Entries = append(l.Entries, e)
	}
	return l, nil
}

// parseLine applies CNI's rules for names (SPEC, section 2). These are stricter than the rules
// for leases, and reject quotes, commas and the text of an error message.
func parseLine(line string) (Entry, error) {
	fields := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(fields) > 2 {
		return Entry{}, fmt.Errorf("want a container ID and optionally an interface: %q", strings.Join(fields, " "))
	}
	o := backend.Owner{ContainerID: fields[0]}
	if o.ContainerID == "null" {
		return Entry{}, errors.New(`"null" is not a container ID: jq prints it if it finds nothing`)
	}
	if err := utils.ValidateContainerID(o.ContainerID); err != nil {
		return Entry{}, fmt.Errorf("%q cannot be a container ID", o.ContainerID)
	}
	if len(fields) == 2 {
		o.IfName = fields[1]
		if err := utils.ValidateInterfaceName(o.IfName); err != nil {
			return Entry{}, fmt.Errorf("%q cannot be an interface: %s", o.IfName, err.Msg)
		}
		if o.IfName[0] == '#' {
			return Entry{}, fmt.Errorf("%q: write a comment on a line of its own", o.IfName)
		}
	}
	return Entry{Owner: o, isText: o.IfName != ""}, o.Validate()
}
