package attachments_test

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/attachments"
)

const (
	idA = "4f2d9c7be0a1f3d5c6b7a8990123456789abcdef0123456789abcdef01234567"
	idB = "b552f9e1c3a7d5f00123456789abcdef0123456789abcdef0123456789abcdef"
)

func owners(ids ...string) []backend.Owner {
	var all []backend.Owner
	for _, id := range ids {
		all = append(all, backend.Owner{ContainerID: id})
	}
	return all
}

func TestRead(t *testing.T) {
	eth0 := []backend.Owner{{ContainerID: idA, IfName: "eth0"}, {ContainerID: idB, IfName: "net1"}}
	for name, tt := range map[string]struct {
		text string
		want []backend.Owner
	}{
		"IDs":                         {idA + "\n" + idB + "\n", owners(idA, idB)},
		"no newline":                  {idA, owners(idA)},
		"interfaces":                  {idA + " eth0\n" + idB + "\tnet1\n", eth0},
		"Windows":                     {idA + " eth0\r\n\r\n" + idB + " net1\r\n", eth0},
		"PowerShell":                  {"\ufeff" + idA + " eth0\r\n# " + idB + "\r\n" + idB + " net1", eth0},
		"JSON with a byte-order mark": {"\ufeff[\"" + idA + "\"]\r\n", owners(idA)},
		"other keys twice":            {`{"id": "` + idA + `", "labels": {"id": "x", "ID": "y"}, "Names": 1, "names": 2}`, owners(idA)},
		"some interfaces":             {idA + "\n" + idB + " net1\n", []backend.Owner{{ContainerID: idA}, {ContainerID: idB, IfName: "net1"}}},
		"comments":                    {"# pods\n\n  " + idA + "  eth0  \n\t#" + idA + "\n   \n" + idB + " net1", eth0},
		"twice":                       {idA + "\n" + idA + "\n", owners(idA, idA)},
		"nerdctl's form":              {"default-" + idA, owners("default-" + idA)},
		"short":                       {"a\n0 lo", []backend.Owner{{ContainerID: "a"}, {ContainerID: "0", IfName: "lo"}}},

		"a list of a GC": {`[{"containerID": "` + idA + `", "ifname": "eth0"}, {"containerID": "` + idB + `", "ifname": "net1"}]`, eth0},
		"the input of a GC": {`{"cniVersion": "1.1.0", "name": "podnet", "type": "bridge", "ipam": {"type": "host-local"},
			"cni.dev/attachments": [{"containerID": "older"}],
			"cni.dev/valid-attachments": [{"containerID": "` + idA + `", "ifname": "eth0"}, {"containerID": "` + idB + `", "ifname": "net1"}]}`, eth0},
		"the input of an older GC": {`{"cni.dev/attachments": [{"containerID": "` + idA + `"}]}`, owners(idA)},
		"crictl pods -o json": {`{
  "items": [
    {
      "id": "` + idA + `",
      "metadata": {"name": "coredns", "uid": "5b2f7c9e", "namespace": "kube-system", "attempt": 0},
      "state": "SANDBOX_READY",
      "createdAt": "1764000000000000000",
      "labels": {"id": "x"},
      "annotations": {},
      "runtimeHandler": ""
    },
    {"id": "` + idB + `", "state": "SANDBOX_NOTREADY"}
  ]
}`, owners(idA, idB)},
		"podman ps --format json": {`[
  {
    "AutoRemove": false,
    "Command": ["top"],
    "CreatedAt": "2 minutes ago",
    "Exited": false,
    "ExitCode": 0,
    "Id": "` + idA + `",
    "Names": ["web"],
    "Networks": ["podman"],
    "Pod": "",
    "Ports": null
  }
]`, owners(idA)},
		"nerdctl ps --format json": {`{"Command":"\"top\"","ID":"` + idA + `","Names":"web"}` + "\n" + `{"ID":"` + idB + `"}` + "\n", owners(idA, idB)},
		"IDs as JSON":              {`["` + idA + `", "` + idB + `"]`, owners(idA, idB)},
		"jq without -r":            {`"` + idA + "\"\n\"" + idB + "\"\n", owners(idA, idB)},
		"of all kinds":             {` ["` + idA + `", {"containerID": "` + idB + `"}] [] {"items": []} "c"`, owners(idA, idB, "c")},
		"any name in JSON":         {`["null", "with space", {"containerID": "\"", "ifname": "veth/0.1@if2"}]`, []backend.Owner{{ContainerID: "null"}, {ContainerID: "with space"}, {ContainerID: `"`, IfName: "veth/0.1@if2"}}},
		"both names of the ID":     {`{"containerID": "a", "id": "a"}`, owners("a")},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := attachments.Read(strings.NewReader(tt.text))
			require.NoError(t, err)
			require.Equal(t, tt.want, got.Owners())
		})
	}
}

func TestReadEmpty(t *testing.T) {
	for _, text := range []string{
		"", "\n", " \r\n\t", "# nothing\n", "[]", " [ ] ", `{"items": []}`, `{"items": null}`, "[] []",
		`{"cni.dev/valid-attachments": []}`, `{"cni.dev/valid-attachments": null}`, `{"cni.dev/attachments": null}`,
	} {
		got, err := attachments.Read(strings.NewReader(text))
		require.ErrorIs(t, err, attachments.ErrEmpty, "%q", text)
		require.Empty(t, got.Entries)
	}
}

// A text that Read does not understand can name a container that is in use.
func TestReadRejects(t *testing.T) {
	long := strings.Repeat("a", backend.MaxNameLen+1)
	for text, want := range map[string]string{
		// the output of a command without the flag for IDs only
		"POD ID         CREATED      STATE  NAME\n4f2d9c7be0a1f  2 days ago   Ready  coredns": `line 1: want a container ID and optionally an interface: "POD ID CREATED STATE NAME"`,
		"a\n\n# b\nc eth0 d":                    `line 4: want a container ID and optionally an interface: "c eth0 d"`,
		"Error: no such command":                `line 1: want a container ID and optionally an interface: "Error: no such command"`,
		"a\nb,eth0":                             `line 2: "b,eth0" cannot be a container ID`,
		"'a'":                                   `line 1: "'a'" cannot be a container ID`,
		"-a":                                    `line 1: "-a" cannot be a container ID`,
		"a\n\ufeffb":                            `line 2: "\ufeffb" cannot be a container ID`,
		"a\rb":                                  `line 1: carriage return within a line: "a\rb"`,
		"# a\rb\r\n":                            `line 1: carriage return within a line: "# a\rb"`,
		"a\u00a0eth0":                           `line 1: "a\u00a0eth0" cannot be a container ID`,
		"a\u2028b":                              `line 1: "a\u2028b" cannot be a container ID`,
		"a\vb":                                  `line 1: "a\vb" cannot be a container ID`,
		"a #web":                                `line 1: "#web": write a comment on a line of its own`,
		"\xff\xfea\x00":                         `line 1: "\xff\xfea\x00" cannot be a container ID`,
		"a b/c":                                 `line 1: "b/c" cannot be an interface: interface name contains / or : or whitespace characters`,
		"a 0123456789abcdef":                    `line 1: "0123456789abcdef" cannot be an interface: interface name is too long`,
		long:                                    "line 1: container ID \"" + long + `": longer than 4096 bytes`,
		"a\nnull\n":                             `line 2: "null" is not a container ID: jq prints it if it finds nothing`,
		`["a", 5]`:                              "line 1: [1]: want a container ID in quotes, or an object with one: 5",
		`["a", null]`:                           "line 1: [1]: want a container ID in quotes, or an object with one: null",
		`[["a"]]`:                               `line 1: [0]: want a container ID in quotes, or an object with one: ["a"]`,
		`[""]`:                                  "line 1: [0]: container ID is empty",
		`["a", " b"]`:                           `line 1: [1]: container ID " b": begins or ends with a space`,
		`["a"`:                                  "line 1: invalid JSON: unexpected EOF",
		"[\n\"a\",\n]":                          "line 3: invalid JSON: invalid character ']' looking for beginning of value",
		"\"a\"\nb":                              "line 2: invalid JSON: invalid character 'b' looking for beginning of value",
		"\"a\"\n\n5":                            "line 3: want a container ID in quotes, or an object with one: 5",
		"{}":                                    "line 1: want an object with the key containerID or id",
		"[\"a\"]\n\n{\"ifname\": \"eth0\"}":     "line 3: want an object with the key containerID or id",
		`{"id": 5}`:                             "line 1: id must not be a JSON number",
		`{"items": [{"id": "a"}], "items": []}`: "line 1: the key items is given twice in one object",
		`{"items": [{"id": "a"}], "Items": [{"id": "b"}]}`:                     "line 1: the key items is given twice in one object",
		`[{"id": "a", "ID": "b"}]`:                                             "line 1: [0]: the key id is given twice in one object",
		`{"containerID": "a", "ifname": "eth0", "ifName": "eth1"}`:             "line 1: the key ifname is given twice in one object",
		`{"cni.dev/valid-attachments": [], "cni.dev/valid-attachments": null}`: "line 1: the key cni.dev/valid-attachments is given twice in one object",
		`{"items": [{"id": "a"}], "cni.dev/valid-attachments": []}`:            "line 1: several lists in one object: items and another",
		`{"items": [{"id": "a"}], "containers": [{"id": "a"}]}`:                "line 1: several lists in one object: items and another",
		"[\"a\", \"b\xff\"]":                               "invalid JSON: it is not UTF-8",
		`[{"containerID": "a"}, {"containerID": {}}]`:      "line 1: [1]: containerID must not be a JSON object",
		`{"containerID": "a", "id": "b"}`:                  `line 1: containerID is "a" and id "b"`,
		`{"containerID": "a", "ifname": "b\n"}`:            `line 1: interface name "b\n": begins or ends with a space`,
		`{"cni.dev/valid-attachments": {}}`:                "line 1: cni.dev/valid-attachments: want a JSON array, not a JSON object",
		`{"cni.dev/valid-attachments": [{"id": "a"}, {}]}`: "line 1: cni.dev/valid-attachments[1]: want an object with the key containerID or id",
		`{"items": "a"}`:                                   "line 1: items: want a JSON array, not a JSON string",
		// kubectl get pods -o json
		`{"apiVersion": "v1", "items": [{"kind": "Pod", "metadata": {"uid": "5b2f7c9e"}}]}`: "line 1: items[0]: want an object with the key containerID or id",
		// crictl ps -o json
		`{"containers": [{"id": "a", "podSandboxId": "b"}]}`: `line 1: the list has containers instead of pod sandboxes: use "crictl pods -o json"`,
		`[{"id": "a", "podSandboxId": "b"}]`:                 "line 1: [0]: the list has containers instead of pod sandboxes",
	} {
		t.Run(text, func(t *testing.T) {
			got, err := attachments.Read(strings.NewReader(text))
			require.ErrorContains(t, err, want)
			require.NotErrorIs(t, err, attachments.ErrEmpty)
			require.Zero(t, got)
		})
	}
}

func TestReadReturnsErrorOfReader(t *testing.T) {
	unreadable := errors.New("unreadable")
	_, err := attachments.Read(iotest.ErrReader(unreadable))
	require.ErrorIs(t, err, unreadable)
}
