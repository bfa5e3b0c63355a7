package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/onsi/ginkgo/v2/types"
	"github.com/stretchr/testify/require"

	// Imported by the stock plugin's tests; listed here for go.sum.
	_ "github.com/containernetworking/plugins/pkg/testutils"
	_ "github.com/containernetworking/plugins/plugins/ipam/host-local/backend/testing"
	_ "github.com/onsi/ginkgo/v2"
	_ "github.com/onsi/gomega"

	"github.com/leasehold/leasehold/interop/stocksuite/target"
)

// suites returns the packages in stocksuite, with the directories of their tests in the
// stock plugin.
func suites() map[string]string {
	return map[string]string{"hostlocal": "", "allocator": "backend/allocator", "disk": "backend/disk"}
}

// stockDir returns the source directory of the stock plugin.
func stockDir(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", stockPlugins+"ipam/host-local").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// buildSuite compiles a package of stocksuite together with the stock plugin's tests.
func buildSuite(t *testing.T, name, from string) string {
	t.Helper()
	here, err := filepath.Abs(filepath.Join("stocksuite", name))
	require.NoError(t, err)
	tests, err := filepath.Glob(filepath.Join(from, "*_test.go"))
	require.NoError(t, err)
	require.NotEmpty(t, tests)
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, test := range tests {
		overlay.Replace[filepath.Join(here, filepath.Base(test))] = test
	}
	text, err := json.Marshal(overlay)
	require.NoError(t, err)
	dir := t.TempDir()
	file, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	require.NoError(t, goCommand(".", nil, "test", "-vet=off", "-overlay", file, "-c", "-o", binary, "./stocksuite/"+name))
	return binary
}

// runSuite returns the failure of each spec, or "" if it passes.
func runSuite(t *testing.T, binary string, s subject) map[string]string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "report.json")
	cmd := exec.Command(binary, "-ginkgo.no-color", "-ginkgo.json-report", file)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, target.PluginVar+"="+s.path, target.BackendVar+"="+s.backend)
	out, _ := cmd.CombinedOutput() // Failing specs are in the report.
	text, err := os.ReadFile(file)
	require.NoError(t, err, "%s", out)
	var reports []types.Report
	require.NoError(t, json.Unmarshal(text, &reports))
	specs := make(map[string]string)
	for _, report := range reports {
		for _, spec := range report.SpecReports {
			if spec.LeafNodeType == types.NodeTypeIt {
				specs[spec.FullText()] = failureOf(spec)
			}
		}
	}
	require.NotEmpty(t, specs, "%s", out)
	return specs
}

func failureOf(spec types.SpecReport) string {
	if spec.State == types.SpecStatePassed {
		return ""
	}
	return spec.State.String() + ": " + spec.Failure.Message + spec.Failure.ForwardedPanic
}

// A knownFailure lists specs of the stock plugin's tests that fail for the same reason.
type knownFailure struct {
	suite      string
	spec       string // pattern for the full name
	says       string // text in the failure
	stockFails bool   // the stock plugin's executable fails as well
	reason     string
}

func knownFailures() []knownFailure {
	return []knownFailure{
		{"hostlocal", `host-local Operations \[.*\] ignores whitespace in disk files`,
			"invalid characters in containerID", true,
			"a container ID cannot contain white space: CNI forbids it (SPEC, section 2), and the library rejects it before the plugin is called"},
		{"hostlocal", `host-local Operations \[0\.[12]\.0\] (allocates custom IPs from multiple ranges|fails if a requested custom IP is not used)`,
			`does not support more than 1 address per family; set "cniVersion"`, false,
			"the text starts as expected, and continues with what to write"},
		{"hostlocal", `host-local GC operations (releases every reservation when the runtime reports no attachments|leaves the store usable for subsequent allocations)`,
			"the configuration has no cni.dev/valid-attachments", false,
			"a GC without a list is rejected: a missing list does not say what is in use"},
		{"allocator", `IPAM config Should detect overlap between rangesets`,
			"range set 0 overlaps with 1: ", false,
			"the text starts as expected, and continues with the ranges and their keys"},
		{"allocator", `IP ranges should reject an explicit gateway (outside the subnet|with mismatched address family)`,
			"Expected an error, got nil", false,
			"v1.9.1 accepts such a gateway, and a node must not fail when its plugin is replaced"},
		{"allocator", `IP ranges Should reject a network that's too small`,
			"Expected an error, got nil", false,
			"every address of a /31 can be leased here"},
		{"allocator", `IP ranges should reject invalid RangeStart and RangeEnd specifications`,
			"RangeStart 192.0.2.50 is after RangeEnd 192.0.2.40 in network 192.0.2.0/24", false,
			"the expected text says that the start is not in the subnet, but it is"},
		{"allocator", `host-local ip allocator when has free ip when requesting a specific IP must fail when the requested IP is allocated`,
			"192.168.1.5 has been allocated to ID, duplicate allocation is not allowed", false,
			"the attachment requests an address that it holds, and the text says so"},
	}
}

// TestStockSuite runs the stock plugin's own tests with our plugin on both stores, and for
// comparison with the stock plugin's executable. Exactly the listed specs must fail.
func TestStockSuite(t *testing.T) {
	from := stockDir(t)
	var mu sync.Mutex
	total, passed := map[string]int{}, map[string]int{}
	t.Run("against", func(t *testing.T) {
		for name, sub := range suites() {
			binary := buildSuite(t, name, filepath.Join(from, sub))
			for _, s := range targets(name) {
				t.Run(s.String()+" "+name, func(t *testing.T) {
					t.Parallel()
					specs := runSuite(t, binary, s)
					failed := compareWithKnown(t, name, s, specs)
					mu.Lock()
					defer mu.Unlock()
					total[s.backend] += len(specs)
					passed[s.backend] += len(specs) - failed
				})
			}
		}
	})
	if t.Failed() {
		return
	}
	design, err := os.ReadFile("../DESIGN.md")
	require.NoError(t, err)
	for _, backend := range []string{"files", "bolt"} {
		require.Contains(t, string(design), fmt.Sprintf("%d of %d specs pass", passed[backend], total[backend]))
	}
}

// targets returns the subjects for a package of tests. Only hostlocal executes plugins.
func targets(suite string) []subject {
	all := []subject{{ours(), "files"}, {ours(), "bolt"}}
	if suite == "hostlocal" {
		all = append(all, subject{stock(), ""})
	}
	return all
}

// compareWithKnown returns the number of specs that fail as listed.
func compareWithKnown(t *testing.T, suite string, s subject, specs map[string]string) int {
	t.Helper()
	known := make(map[string]bool)
	for _, k := range knownFailures() {
		if k.suite != suite || s.plugin == stock() && !k.stockFails {
			continue
		}
		pattern, before := regexp.MustCompile("^(?:"+k.spec+")$"), len(known)
		for spec, failure := range specs {
			if pattern.MatchString(spec) {
				known[spec] = true
				require.Contains(t, failure, k.says, "%s", spec)
			}
		}
		require.Greater(t, len(known), before, "there is no spec %q", k.spec)
	}
	for spec, failure := range specs {
		require.True(t, failure == "" || known[spec], "%s: %s", spec, failure)
	}
	return len(known)
}
