// Package attachments reads lists of the attachments in use, for a garbage collection by an
// operator: all other leases are released.
//
// [Read] accepts the output of runtimes, as text or JSON:
//
//	crictl pods -q                    one container ID per line
//	crictl pods -o json               {"items": [{"id": …}, …]}
//	podman ps -aq --no-trunc          one container ID per line
//	podman ps -a --format json        [{"Id": …}, …]
//	the input of a CNI GC             {"cni.dev/valid-attachments": [{"containerID": …, "ifname": …}, …]}
//
// and what scripts make of it: as text, lines with a container ID and optionally, after
// white space, an interface; empty lines and lines that begin with # are ignored. As JSON,
// one or more values, each a container ID, an object with the key containerID or id, and
// optionally ifname, an array of these, or one of the objects above.
//
// # Caveats
//
// An overlooked container would lose its address. So anything that is not understood is an
// error, and [Compare] finds mistakes that look like a list: truncated IDs, which podman,
// nerdctl and docker print by default, and IDs of something else. The CNI container ID of a
// Kubernetes pod is the ID of its sandbox; "crictl ps" prints others. The container ID of a
// nerdctl container has its namespace as a prefix: default-4f2d9c….
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

// ErrEmpty means that a list has no attachment. All leases would be garbage, but usually a
// command has failed.
var ErrEmpty = errors.New("the list of attachments is empty")

// Read reads a list of attachments. An attachment without an interface means all interfaces
// of the container. An error names the line or, in JSON, the element.
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

// parseLine applies CNI's rules for names (SPEC, section 2), which are narrower than the
// rules for leases, so that quotes, commas and the words of an error message are not taken
// for names.
func parseLine(fields []string) (backend.Owner, error) {
	if len(fields) > 2 {
		return backend.Owner{}, fmt.Errorf("want a container ID and at most an interface: %q", strings.Join(fields, " "))
	}
	o := backend.Owner{ContainerID: fields[0]}
	if o.ContainerID == "null" {
		return o, errors.New(`"null" is what jq prints if it finds nothing`)
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
