package manyhosts

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// The mistakes of this module can be planted, also after what they are in has changed. An exhaustive run
// builds the programs with them.
func TestPatchesApply(t *testing.T) {
	patches, err := filepath.Glob("../*/testdata/planted/*.patch")
	require.NoError(t, err)
	require.Greater(t, len(patches), 20)
	for _, p := range patches {
		_, err := faulttest.Overlaid(t.TempDir(), faulttest.Patch(p))
		require.NoError(t, err)
	}
}

// Mistakes are planted in the plugin and in leasehold-cluster. The tests of this package must find each
// of them.
func TestPlanted(t *testing.T) {
	if !faulttest.Exhaustive() {
		t.Skip("skipped without LEASEHOLD_EXHAUSTIVE: builds the programs with each mistake, and runs tests with them")
	}
	const quick, exhaustive = "", "1"
	mistakes := map[string]struct{ test, how, says string }{
		"del-asks-first":              {"TestNetworkFaults", quick, "DEL on host"},
		"failure-stays":               {"TestNetworkFaults", quick, "another process of this host has just asked"},
		"unknown-is-no":               {"TestNetworkFaults", quick, "ADD on host"},
		"request-forgotten-when-sent": {"TestKilled/victims/claim$", exhaustive, "killed at the call"},
		"eviction-not-continued":      {"TestKilled/victims/evict$", exhaustive, "whose eviction was interrupted"},
	}
	patches, err := filepath.Glob("testdata/planted/*.patch")
	require.NoError(t, err)
	require.Len(t, patches, len(mistakes))
	for name, m := range mistakes {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run", m.test, "-test.failfast", "-test.v")
			cmd.Env = append(os.Environ(), plantedEnv+"="+name, "LEASEHOLD_EXHAUSTIVE="+m.how)
			out, err := cmd.CombinedOutput()
			require.Error(t, err, "no test found the mistake")
			require.Regexp(t, `(?m)^\s*--- FAIL: `, string(out))
			line := regexp.MustCompile(".*" + m.says + ".*").FindString(string(out))
			require.NotEmpty(t, line, "%s", out)
			t.Log(line)
		})
	}
}
