package netconf_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/netconf"
)

// inspect describes the networks and problems of a text.
func inspect(text string) (lines []string) {
	n := netconf.Inspect("stdin", []byte(text))
	for _, network := range n.Networks {
		_, described, _ := strings.Cut(describe(network), " "+network.Plugin+" ")
		lines = append(lines, "stdin "+network.Plugin+" "+described+" in "+network.File)
	}
	for _, p := range n.Problems {
		lines = append(lines, p.Error())
	}
	return lines
}

const conf = `{"cniVersion": "0.3.1", "type": "macvlan", "ipam": {"type": "host-local", "subnet": "10.1.2.0/24"}}`

func TestDefinitions(t *testing.T) {
	const (
		networks = "/var/lib/cni/networks"
		pool     = " 10.1.2.1-10.1.2.254 in stdin (NetworkAttachmentDefinition "
	)
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"YAML, in quotes": {
			"apiVersion: k8s.cni.cncf.io/v1\nkind: NetworkAttachmentDefinition\nmetadata:\n  name: lan\n  namespace: shop\nspec:\n  config: '" + conf + "'\n",
			[]string{"stdin macvlan 0.3.1 " + networks + "/lan" + pool + "shop/lan)"},
		},
		"YAML, a block with its own name, and a second document": {
			"kind: NetworkAttachmentDefinition\nmetadata: {name: lan}\nspec:\n  config: |\n    {\"name\": \"other\", \"plugins\": [\n    " + conf + "]}\n" +
				"---\nkind: ConfigMap\n---\nkind: NetworkAttachmentDefinition\nmetadata: {name: two}\nspec: {config: '" + conf + "'}\n",
			[]string{"stdin macvlan 0.1.0 " + networks + "/other" + pool + "lan)", "stdin macvlan 0.3.1 " + networks + "/two" + pool + "two)"},
		},
		"JSON, a List, indented with tabs": {
			"{\n\t\"kind\": \"List\",\n\t\"items\": [{\"kind\": \"NetworkAttachmentDefinition\", \"metadata\": {\"name\": \"lan\"}, \"spec\": {\"config\": \"{\\\"type\\\": \\\"ptp\\\", \\\"ipam\\\": {\\\"type\\\": \\\"host-local\\\", \\\"subnet\\\": \\\"10.1.2.0/24\\\"}}\"}}]}",
			[]string{"stdin ptp 0.1.0 " + networks + "/lan" + pool + "lan)"},
		},
		"without a configuration": {"kind: NetworkAttachmentDefinition\nmetadata: {name: lan}\n", nil},
		"an empty configuration":  {"kind: NetworkAttachmentDefinition\nmetadata: {name: lan}\nspec: {config: ''}\n", nil},
		"an object": {
			"kind: NetworkAttachmentDefinition\nmetadata: {name: lan}\nspec:\n  config: " + conf,
			[]string{"stdin (NetworkAttachmentDefinition lan): spec.config is an object; write it as a JSON string, in quotes or after a |"},
		},
		"broken JSON": {
			"kind: NetworkAttachmentDefinition\nmetadata: {name: lan}\nspec: {config: '{\"type\": \"ptp\",}'}",
			[]string{"stdin (NetworkAttachmentDefinition lan): error unmarshall network config: invalid character '}' looking for beginning of object key string; the JSON is broken at byte 16, in line 1: remove the comma before it"},
		},
		"broken YAML": {
			"kind: NetworkAttachmentDefinition\nmetadata: {name: lan\n",
			[]string{"stdin: yaml: line 1: did not find expected ',' or '}'"},
		},
		"no definition": {conf[:1] + `"name": "net", ` + conf[1:], []string{"stdin macvlan 0.3.1 " + networks + "/net 10.1.2.1-10.1.2.254 in stdin"}},
	} {
		require.Equal(t, c.want, inspect(c.text), name)
	}
}

func TestLoadReadsDefinitions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nad.yaml")
	require.NoError(t, os.WriteFile(file, []byte("kind: NetworkAttachmentDefinition\nmetadata: {name: lan}\nspec: {config: '"+conf+"'}\n"), 0o600))
	networks, err := load(file)
	require.NoError(t, err)
	require.Len(t, networks, 1)
	require.Equal(t, "lan", networks[0].Name)
}

// The error for a text without type says what it may be instead.
func TestUntyped(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ text, want string }{
		"10-colon.conflist": {`{"name": "net", "plugins": [{"type:": "vrf"}]}`, `the plugin has no "type"; write "type" instead of "type:"`},
		"11-plain.conf":     {`{"name": "net", "bridge": "cni0"}`, `the plugin has no "type"`},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(c.text), 0o600))
	}
	n, err := netconf.Read(dir)
	require.NoError(t, err)
	require.Len(t, n.Problems, 2)
	require.EqualError(t, n.Problems[0].Err, `the plugin has no "type"; write "type" instead of "type:"`)
	require.EqualError(t, n.Problems[1].Err, `the plugin has no "type"`)
}

func TestDisableGC(t *testing.T) {
	for gc, want := range map[string]bool{"true": true, `"True"`: true, "false": false, "null": false} {
		n := netconf.Inspect("x", []byte(`{"name": "net", "disableGC": `+gc+`, "plugins": [`+conf+`]}`))
		require.Len(t, n.Networks, 1, gc)
		require.Equal(t, want, n.Networks[0].DisableGC, gc)
	}
}

// Missing ranges are no reason for a refusal if they come from elsewhere.
func TestRefused(t *testing.T) {
	const calico = `{"name": "net", "type": "calico", "ipam": {"type": "host-local", "subnet": "usePodCidr"}}`
	for text, want := range map[string]string{
		`{"name": "net", "type": "ptp", "ipam": {"type": "host-local"}}`:                                                              "no IP ranges",
		`{"name": "net", "type": "ptp", "capabilities": {"ipRanges": true}, "ipam": {"type": "host-local"}}`:                          "",
		`{"name": "net", "type": "ptp", "capabilities": {"ipRanges": true}, "ipam": {"type": "host-local", "subnet": "10.1.2.3/24"}}`: "host bits",
		`{"name": "net", "type": "flannel", "ipam": {"backend": "sqlite"}}`:                                                           "sqlite",
		calico: "",
	} {
		n := netconf.Inspect("x", []byte(text))
		require.Len(t, n.Networks, 1, text)
		if err := n.Networks[0].Refused(); want == "" {
			require.NoError(t, err, text)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
}
