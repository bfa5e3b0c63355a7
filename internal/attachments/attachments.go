// Package attachments reads the list of the attachments that are in use, for a
// garbage collection that an operator starts: the leases of all others end.
//
// [Read] takes what runtimes print, as text or as JSON:
//
//	crictl pods -q                    a container ID in a line
//	crictl pods -o json               {"items": [{"id": …}, …]}
//	podman ps -aq --no-trunc          a container ID in a line
//	podman ps -a --format json        [{"Id": …}, …]
//	the input of a CNI GC             {"cni.dev/valid-attachments": [{"containerID": …, "ifname": …}, …]}
//
// and what a script may make of it: in text, a container ID and, after white space,
// an interface; lines that are empty or begin with # mean nothing. In JSON, one or
// more values, each a container ID, an object with the key containerID or id, with
// or without ifname, an array of these, or one of the objects above.
//
// # Caveats
//
// A container that is overlooked loses its address. So whatever is not understood
// is an error, and [Compare] finds the mistakes that look like a list: IDs that were
// cut short, which is how podman, nerdctl and docker print them unless told
// otherwise, and IDs of something else. The CNI container ID of a Kubernetes pod is
// that of its sandbox; "crictl ps" prints others. That of a nerdctl container has the
// namespace before it: default-4f2d9c….
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

// ErrEmpty says that a list names no attachment. All leases are garbage then, and
// more often than not a command has failed.
var ErrEmpty = errors.New("the list of attachments is empty")

// Read reads a list of attachments. One that names no interface stands for every
// interface of the container. An error names the line or, within JSON, the element.
func Read(r io.Reader) ([]backend.Owner, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	parse := parseLines
	if start := bytes.TrimSpace(text); len(start) > 0 && strings.IndexByte(`{["`, start[0]) >= 0 {
		parse = parseJSON
	}
	owners, err := parse(text)
	if err == nil && len(owners) == 0 {
		err = ErrEmpty
	}
	if err != nil {
		return nil, err
	}
	return owners, nil
}

func parseLines(text []byte) ([]backend.Owner, error) {
	var owners []backend.Owner
	number := 0
	for line := range bytes.Lines(text) {
		number++
		fields := strings.Fields(string(line))
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		o, err := parseLine(fields)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		owners = append(owners, o)
	}
	return owners, nil
}

// parseLine holds CNI's own rules for names (SPEC, section 2), which are narrower
// than those of a lease: quotes, commas and the words of an error are no names.
func parseLine(fields []string) (backend.Owner, error) {
	if len(fields) > 2 {
		return backend.Owner{}, fmt.Errorf("want a container ID and at most an interface: %q", strings.Join(fields, " "))
	}
	o := backend.Owner{ContainerID: fields[0]}
	if o.ContainerID == "null" {
		return o, errors.New(`"null" is what jq prints where it has found nothing`)
	}
	if err := utils.ValidateContainerID(o.ContainerID); err != nil {
		return o, fmt.Errorf("%q cannot be a container ID", o.ContainerID)
	}
	if len(fields) == 2 {
		o.IfName = fields[1]
		if err := utils.ValidateInterfaceName(o.IfName); err != nil {
			return o, fmt.Errorf("%q cannot be an interface: %s", o.IfName, err.Msg)
		}
	}
	return o, o.Validate()
}
