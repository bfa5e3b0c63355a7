package security_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest"
)

func codeOf(err error) uint { return faulttest.Code(err) }

// The pod name and the network namespace are only recorded for display. Whatever they
// contain, ADD succeeds and touches nothing else.
func TestArgsAndNetns(t *testing.T) {
	forEachStore(t, func(n node) {
		for _, text := range []string{"../../etc", "a\nb", "a\x1b[2J", "a\u009b2J", "a\u202eb", "\xff", " ", strings.Repeat("a", 5000)} {
			before := n.snapshot()
			a := attachment{id: "a", ifname: "eth0", netns: text, args: "IgnoreUnknown=1;K8S_POD_NAMESPACE=" + text + ";K8S_POD_NAME=" + text}
			_, err := n.plugin("ADD", a, nil)
			require.NoError(n, err, "%q", text)
			requirePrintable(n, n.mustTool("list"))
			require.Equal(n, before.without("podnet"), n.snapshot().without("podnet"))
			_, err = n.plugin("DEL", a, nil)
			require.NoError(n, err)
		}
	})
}

// requirePrintable requires a text without control characters.
func requirePrintable(n node, text string) {
	n.Helper()
	for _, r := range text {
		require.True(n, r == '\n' || unicode.IsPrint(r), "%q in %q", r, text)
	}
}

// A lease file can hold anything. In text output it cannot send commands to the terminal or
// start a new line; in JSON it is unchanged.
func TestTerminal(t *testing.T) {
	n := newNode(t, "files")
	n.add("other")
	id := "a\x1b[2J\nforged\u009b2J\u202e\a"
	require.NoError(t, os.WriteFile(n.store("podnet", "10.0.0.12"), []byte(id+"\r\nx\x1bc"), 0o600))
	require.NoError(t, os.WriteFile(n.store("podnet", "\x1b[2J\n"), nil, 0o600))
	for _, args := range [][]string{
		{"list"}, {"list", "--no-trunc"}, {"who", "10.0.0.12"}, {"usage"}, {"map"}, {"why-full", "podnet"}, {"verify"},
		{"release", "podnet", "10.0.0.12", "--dry-run"}, {"release", "podnet", "--container", id + "?"},
		{"gc", "podnet", "--valid", n.store("podnet", "10.0.0.10"), "--dry-run"}, {"metrics"}, {"export"},
		{"migrate", "podnet", "--to", "bolt", "--dry-run"}, {"verify", "--repair", "podnet"},
	} {
		_, text := n.tool(args...)
		requirePrintable(n, text)
	}
	var rows []struct{ ContainerID string }
	require.NoError(t, json.Unmarshal([]byte(n.mustTool("list", "-o", "json")), &rows))
	require.Equal(t, id, rows[1].ContainerID)
}

// An import file names networks, addresses and cursors, which become file names.
func TestImportFiles(t *testing.T) {
	forEachStore(t, func(n node) {
		n.add("other")
		for _, name := range escapingNames() {
			n.importRejected("network name", `{"leasehold":1,"network":`+quoted(name)+`}`)
		}
		const head = `{"leasehold":1,"network":"podnet"}` + "\n"
		for line, why := range map[string]string{
			`"address":"../10.0.0.1","containerID":"a"`:                              "line 2: address: ",
			`"address":"fe80::1%../../x","containerID":"a"`:                          "has a zone",
			`"address":"::ffff:10.0.0.1","containerID":"a"`:                          "in IPv6 form",
			`"address":"10.0.0.1","containerID":""`:                                  "container ID is empty",
			`"address":"10.0.0.1","containerID":"a\nb"`:                              "control character",
			`"address":"10.0.0.1","containerID":"a\r\neth0"`:                         "control character",
			`"address":"10.0.0.1","containerID":"a\u0000b"`:                          "control character",
			`"address":"10.0.0.1","containerID":"a\u001b[2J"`:                        "control character",
			`"address":"10.0.0.1","containerID":"a","ifname":"a\nb"`:                 "control character",
			`"address":"10.0.0.1","containerIDBytes":"YQpi"`:                         "control character",
			`"address":"10.0.0.1","containerID":"` + strings.Repeat("a", 4097) + `"`: "longer than 4096 bytes",
			`"address":"10.0.0.10","containerID":"thief"`:                            "10.0.0.10 is leased to other",
		} {
			n.importRejected(why, head+`{"network":"podnet",`+line+"}\n"+`{"end":"podnet","leases":1}`)
		}
		for _, set := range []string{"", "../0", "a/b", ".", "a.b", "a\nb", strings.Repeat("a", 65)} {
			n.importRejected("range set", `{"leasehold":1,"network":"podnet","cursors":{`+quoted(set)+`:"10.0.0.1"}}`+"\n"+`{"end":"podnet","leases":0}`)
		}
		n.importRejected("longer than", `{"leasehold":1,"network":"`+strings.Repeat("n", 2<<20)+`"}`)
	})
}

// importRejected requires that an import of the file is rejected.
func (n node) importRejected(why, file string) {
	n.Helper()
	require.NoError(n, os.WriteFile(n.in("import"), []byte(file), 0o600))
	n.toolRejects(why, "import", n.in("import"))
}

func quoted(text string) string {
	q, err := json.Marshal(text)
	if err != nil {
		panic(err) // cannot happen for a string
	}
	return string(q)
}

// Nothing in the list for gc is used as a path, and a list that cannot be parsed releases
// nothing.
func TestAttachmentFiles(t *testing.T) {
	forEachStore(t, func(n node) {
		n.add("other")
		for _, list := range []string{
			"", "../../etc\n", "other\n../x eth0\n", "other ../x\n", "other\x00\n", "other\nError: no such thing\n", "other\n\x1b[2J\n",
			`["other", "a\nb"]`, `["other", "a\u0000"]`, `[{"containerID": "other"}, {"containerID": ""}]`, `["other"`,
			`{"cni.dev/valid-attachments": [{"containerID": "other", "ifname": "a\nb"}]}`, strings.Repeat("[", 20000),
		} {
			require.NoError(n, os.WriteFile(n.in("valid"), []byte(list), 0o600))
			n.toolRejects("", "gc", "podnet", "--valid", n.in("valid"))
			_, text := n.tool("gc", "podnet", "--valid", n.in("valid"))
			requirePrintable(n, text)
		}
		for _, list := range []any{"x", []any{"other"}, []any{map[string]string{"containerID": "a\nb"}}, []any{nil}, map[string]any{}} {
			_, err := n.plugin("GC", attachment{}, map[string]any{"cni.dev/valid-attachments": list})
			require.Contains(n, []uint{types.ErrDecodingFailure, types.ErrInvalidNetworkConfig}, codeOf(err), "%v", list)
		}
		require.Contains(n, n.mustTool("who", "10.0.0.10"), "other")
	})
}

// resolvConf can name any file, and root can read it. Only lines in the form of resolv.conf
// get into the answer, as intended, and nothing gets into an error.
func TestResolvConf(t *testing.T) {
	n := newNode(t, "bolt")
	for name, text := range map[string]string{
		"shadow":   "root:$6$" + secret + ":19000:0:99999:7:::\nnameserver 192.0.2.1\n",
		"keys":     "-----BEGIN OPENSSH PRIVATE KEY-----\n" + secret + "\n",
		"words":    "password " + secret + "\nnameserver\nnameservers " + secret + "\n# nameserver " + secret + "\n; search " + secret + "\n",
		"binary":   "\x00\x01nameserver " + secret + "\x00\xff\n",
		"one line": strings.Repeat("x", 1<<17) + " " + secret,
	} {
		require.NoError(t, os.WriteFile(n.in("resolv"), []byte(text), 0o600))
		net := n.network().With("resolvConf", n.in("resolv"))
		out, err := net.Plugin("ADD", "a", nil)
		require.NoError(t, err, name)
		require.NotContains(t, string(out), secret, name)
		require.Equal(t, name == "shadow", strings.Contains(string(out), "192.0.2.1"))
		require.NoError(t, net.Del("a"))
	}
	for name, why := range map[string]string{
		"/dev/zero": "too long", "/dev/urandom": "too long", n.in("outside"): "is a directory", n.in("gone"): "no such file",
	} {
		_, err := n.network().With("resolvConf", name).Add("a")
		e := new(types.Error)
		require.True(t, errors.As(err, &e), "%v", err)
		require.Equal(t, types.ErrIOFailure, e.Code)
		require.Contains(t, e.Msg, name+": ")
		require.Contains(t, e.Msg, why)
	}
	require.Equal(t, "[]\n", n.mustTool("list", "-o", "json"))
}
