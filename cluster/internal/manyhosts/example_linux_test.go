package manyhosts

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// The example works, and says in the end that no address is leased twice.
func TestExample(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to make network namespaces")
	}
	faulttest.RequirePrograms(t, "ip")
	root, err := etcdtest.Root()
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), filepath.Join(root, "examples", "many-hosts", "run"), programs).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "host a has no address left, and cannot ask for more")
	// A block with an end of the range in it has three addresses, others have four.
	require.Regexp(t, `(?s)== who has what.*\n1[12] addresses are leased, and none of them twice\n$`, string(out))
}
