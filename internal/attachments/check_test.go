package attachments_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/attachments"
)

// leases returns a lease for each container, and a torn lease.
func leases(ids ...string) []backend.Lease {
	var all []backend.Lease
	addr := netip.MustParseAddr("10.0.0.1")
	for _, id := range ids {
		addr = addr.Next()
		all = append(all, backend.Lease{Addr: addr, Owner: backend.Owner{ContainerID: id, IfName: "eth0"}})
	}
	return append(all, backend.Lease{Addr: addr.Next()})
}

func listOfText(t *testing.T, text string) attachments.List {
	l, err := attachments.Read(strings.NewReader(text))
	if !errors.Is(err, attachments.ErrEmpty) {
		require.NoError(t, err)
	}
	return l
}

// mistake returns the mistake that Check finds in a list.
func mistake(t *testing.T, list string, held ...string) *attachments.MistakeError {
	var m *attachments.MistakeError
	require.ErrorAs(t, listOfText(t, list).Check(leases(held...)), &m)
	return m
}

const uuid = "6b235529-8111-4bbe-520b-d639b1d2a94e"

// Correct lists, some with containers that are gone or in other networks.
func TestCheckAccepts(t *testing.T) {
	for name, tt := range map[string]struct {
		list string
		held []string
	}{
		"nothing":                    {"", nil},
		"an empty list":              {"", []string{idA}},
		"an empty network":           {idA, nil},
		"the same":                   {idA + "\n" + idB, []string{idB, idA}},
		"of another network":         {idA, []string{idB}},
		"an ID with a lease":         {"pod1", []string{"pod1", "pod10"}},
		"a longer ID with a lease":   {"pod10", []string{"pod1", "pod10"}},
		"full, and truncated":        {idA + "\n" + idA[:12], []string{idA}},
		"names with numbers":         {"job-1\nweb", []string{"job-2", "db-web"}},
		"the end of a name":          {"1", []string{"job-1"}},
		"the same namespace":         {"default-" + idB, []string{"default-" + idA}},
		"names with the same date":   {"202601011200-b", []string{"202601011200-a"}},
		"a PID, and hashes":          {idA, []string{"4"}},
		"a build, and hashes":        {idA, []string{"buildah-buildah1459229342", "f5lxx1zz5pnorynqglhzmsp33"}},
		"another UUID":               {"6b235529-8111-4bbe-520b-d639b1d2a94f", []string{uuid}},
		"an interface":               {idA + " eth0\n" + idA + " net1", []string{idA}},
		"some interfaces":            {idA + "\n" + idB + " eth0", []string{idA, idB}},
		"an interface elsewhere":     {`[{"containerID": "` + idA + `", "ifname": "net1"}]`, []string{idA}},
		"comments":                   {"# pods of today (two)\n" + idA, []string{idA, idB}},
		"a comment with a listed ID": {"# " + idA + " is web\n" + idA, []string{idA}},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, listOfText(t, tt.list).Check(leases(tt.held...)))
		})
	}
}

// Each of these lists would release the lease of a container that it was meant to include.
func TestCheckRejects(t *testing.T) {
	const full, added, inCase = "the list must have full IDs", "with nothing added", "differ only in case"
	upper := strings.ToUpper(idA)
	for name, tt := range map[string]struct {
		list, held, where, how string
	}{
		"the last digit is missing":    {idB + "\n" + idA[:63], idA, "line 2", full},
		"cut to twelve digits":         {idA[:12], idA, "line 1", full},
		"cut to one digit":             {"4", idA, "line 1", full},
		"the first digit is missing":   {idA[1:], idA, "line 1", full},
		"without namespace":            {idA, "default-" + idA, "line 1", full},
		"cut without namespace":        {idA[:12], "my-own-" + idA, "line 1", full},
		"truncated, without namespace": {idA[:63], "default-" + idA, "line 1", full},
		"a name":                       {"job-1", "job-10", "line 1", full},
		"a UUID":                       {uuid[:35], uuid, "line 1", full},
		"a digit more":                 {idA + "0", idA, "line 1", added},
		"a UUID and more":              {uuid + "-netns", uuid, "line 1", added},
		"a lease of a cut ID":          {idA, idA[:12], "line 1", added},
		"a longer name":                {"\n# pods\njob-10", "job-1", "line 3", added},
		"an additional namespace":      {"default-" + idA, idA, "line 1", full + "|" + added},
		"another namespace":            {"default-" + idA, "k8s.io-" + idA, "line 1", added},
		"a cgroup":                     {"cri-containerd-" + idA + ".scope", idA, "line 1", added},
		"a cgroup, with namespace":     {"nerdctl-" + idA + ".scope", "default-" + idA, "line 1", added},
		"upper case":                   {upper, idA, "line 1", inCase},
		"upper case in the lease":      {idA, upper, "line 1", inCase},
		"upper case in part":           {idA[:10] + upper[10:], idA, "line 1", inCase},
		"upper case, and cut":          {upper[:63], idA, "line 1", full},
		"a name in upper case":         {"Web", "web", "line 1", inCase},
		"in JSON":                      {`{"items": [{"id": "` + idB + `"}, {"id": "` + idA[:63] + `"}]}`, idA, "line 1: items[1]", full},
		"in JSON lines":                {`{"id": "` + idB + `"}` + "\n" + `{"id": "` + upper + `"}`, idA, "line 2", inCase},
		"a name for an interface":      {idB + "\n" + idA + " web", idA, "line 2", "its interface is eth0"},
		"another interface":            {idA + " net1\n" + idA + " net2", idA, "line 1", "its interface is eth0"},
		"a comment":                    {idB + "\n# " + idA, idA, "line 2", "remove the #"},
		"a comment without a space":    {"#" + idA, idA, "line 1", "remove the #"},
		"a comment with a name":        {"## " + idA[:12] + "  web", idA, "line 1", "remove the #"},
	} {
		t.Run(name, func(t *testing.T) {
			m := mistake(t, tt.list, tt.held, idB)
			require.Equal(t, tt.where, m.Where)
			require.Equal(t, tt.held, m.Held)
			require.Regexp(t, tt.how, m.How)
		})
	}
}

func TestHeldOfReturnsErrorOfLeases(t *testing.T) {
	unreadable := errors.New("unreadable")
	_, err := attachments.HeldOf(func(yield func(backend.Lease, error) bool) { yield(backend.Lease{}, unreadable) })
	require.ErrorIs(t, err, unreadable)
}

// Similar names can belong to different containers.
func TestMistakeAmbiguous(t *testing.T) {
	for list, held := range map[string]string{"job-1": "job-10", "job-10": "job-1", "Web": "web"} {
		require.True(t, mistake(t, list, held).Ambiguous, list)
	}
	for list, held := range map[string]string{
		idA[:12]: idA, idA: "default-" + idA, strings.ToUpper(idA): idA, uuid[:30]: uuid, "web eth1": "web", "# web": "web",
	} {
		require.False(t, mistake(t, list, held).Ambiguous, list)
	}
}

// BenchmarkCheck checks a long list on which no container holds a lease.
func BenchmarkCheck(b *testing.B) {
	var list strings.Builder
	var held []string
	for i := range 100_000 {
		held = append(held, fmt.Sprintf("default-%064x", i*7919))
		fmt.Fprintf(&list, "default-%064x\n", int64(1)<<40+int64(i)*7907)
	}
	all := leases(held...)
	l, err := attachments.Read(strings.NewReader(list.String()))
	require.NoError(b, err)
	for b.Loop() {
		require.NoError(b, l.Check(all))
	}
}
