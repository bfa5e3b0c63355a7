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

// FuzzRead holds that no list makes Read panic, that whatever comes out can hold a
// lease, and that the same comes out of the same list in CNI's own form.
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
		if err == nil && utf8.ValidString(text) { // JSON has nothing else.
			again, err := attachments.Read(strings.NewReader(listOf(t, got)))
			require.NoError(t, err)
			require.Equal(t, got, again.Owners())
		}
	})
}

// listOf writes attachments as a runtime does for GC.
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
