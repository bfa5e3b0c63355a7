package attachments_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/attachments"
)

func TestMadeBy(t *testing.T) {
	for id, maker := range map[string]string{
		"buildah-buildah1459229342":    "buildah",
		"buildah-buildah2":             "buildah",
		"f5lxx1zz5pnorynqglhzmsp33":    "BuildKit",
		"4711":                         "Apptainer",
		"4194304":                      "Apptainer",
		"cnitool-77383ca0a0715733ca6f": "cnitool",
		"cnitool-vfcwzbrowpvsbxjbngzi": "cnitool",
	} {
		m, ok := attachments.MadeBy(id)
		require.True(t, ok, id)
		require.Equal(t, maker, m.Name, id)
		require.Equal(t, maker == "Apptainer", m.Netns == "/proc/"+id+"/ns/net", id)
	}
	for _, id := range []string{
		"", "a", "web-0", "buildah", "buildah-buildah", "buildah-buildah1x", "buildah-web", "xbuildah-buildah1",
		strings.Repeat("0", 64), "default-" + strings.Repeat("a", 64), "6b235529-8111-4bbe-520b-d639b1d2a94e",
		"41943040", "12ab", "f5lxx1zz5pnorynqglhzmsp3", "F5lxx1zz5pnorynqglhzmsp33", "f5lxx1zz5-norynqglhzmsp33",
		"cnitool-", "cnitool-77383ca0", "lost-in-repair",
	} {
		_, ok := attachments.MadeBy(id)
		require.False(t, ok, id)
	}
}

func TestSameForm(t *testing.T) {
	forms := [][]string{
		{strings.Repeat("0", 64), strings.Repeat("ab", 32)},
		{"default-" + strings.Repeat("0", 64), "k8s.io-" + strings.Repeat("ab", 32)},
		{"6b235529-8111-4bbe-520b-d639b1d2a94e", "00000000-0000-0000-0000-000000000000"},
		{"web", "", strings.Repeat("g", 64), strings.Repeat("0", 63), "-" + strings.Repeat("0", 64), strings.Repeat("-", 36)},
	}
	for i, some := range forms {
		for j, others := range forms {
			for _, a := range some {
				for _, b := range others {
					require.Equal(t, i == j, attachments.SameForm(a, b), "%q %q", a, b)
				}
			}
		}
	}
}
