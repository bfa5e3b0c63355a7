package measure_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/measure"
)

func TestContainersDiffer(t *testing.T) {
	ids, namespaces, pods := map[string]bool{}, map[string]bool{}, map[string]bool{}
	const n = 1000
	for c := range measure.Container(n) {
		require.Regexp(t, `^[0-9a-f]{64}$`, c.ID())
		require.Regexp(t, `^/var/run/netns/cni-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, c.Netns())
		ids[c.ID()], namespaces[c.Netns()], pods[c.Pod().Name] = true, true, true
	}
	require.Len(t, ids, n)
	require.Len(t, namespaces, n)
	require.Len(t, pods, n)
}
