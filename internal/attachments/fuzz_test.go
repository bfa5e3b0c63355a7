package attachments_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/attachments"
)

// FuzzRead checks that Read never panics, that the attachments it returns are valid owners of
// leases, and that they are the same when they are written in CNI's form and read again.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		"", "a eth0\n# b\n", `["a", {"id": "b"}]`, `{"items": [{"id": "a"}]}`, `{"containers": []}`, "\"a\"\n{\"ID\": \"b\"}\n",
		`{"cni.dev/valid-attachments": null, "cni.dev/attachments": [{"containerID": "a", "ifname": "b"}]}`, `[5`, "\xff",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := attachments.Read(strings.NewReader(text))
		got := list.Owners()
		require.Equal(t, err != nil, len(got) == 0)
		for _, o := range got {
			require.NoError(t, o.Validate())
		}
		if err == nil && utf8.ValidString(text) { // JSON must be valid UTF-8.
			again, err := attachments.Read(strings.NewReader(listOf(t, got)))
			require.NoError(t, err)
			require.Equal(t, got, again.Owners())
		}
	})
}

// listOf formats attachments like a runtime's GC.
func listOf(t *testing.T, owners []backend.Owner) string {
	type attachment struct {
		ContainerID string `json:"containerID"`
		IfName      string `json:"ifname"`
	}
	var list []attachment
	for _, o := range owners {
		list = append(list, attachment{o.ContainerID, o.IfName})
	}
	text, err := json.Marshal(map[string]any{"cni.dev/valid-attachments": list})
	require.NoError(t, err)
	return string(text)
}
