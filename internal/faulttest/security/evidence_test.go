package security_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The tests that SECURITY.md names exist, and it names all tests of this package.
func TestEvidence(t *testing.T) {
	const root = "../../.."
	text, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	require.NoError(t, err)
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z]+)`").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, named)
	tests := testsBelow(t, root)
	for _, name := range named {
		require.Contains(t, tests, name[1])
	}
	for name, file := range tests {
		if filepath.Dir(file) == "internal/faulttest/security" && name != "TestEvidence" && name != "TestMain" {
			require.Contains(t, string(text), "`"+name+"`")
		}
	}
}

// testsBelow returns the file of each test and fuzz target below root.
func testsBelow(t *testing.T, root string) map[string]string {
	tests := make(map[string]string)
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z]+)\(`)
	require.NoError(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		for _, name := range declared.FindAllStringSubmatch(string(text), -1) {
			tests[name[1]] = filepath.ToSlash(rel)
		}
		return err
	}))
	return tests
}
