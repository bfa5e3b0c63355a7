package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The Go in the documents is part of an example that runs.
func TestLibraryGo(t *testing.T) {
	example := read(t, "backend/bolt/example_test.go")
	found := false
	for _, b := range blocks(read(t, "docs/library.md")) {
		if b.language != "go" {
			continue
		}
		found = true
		for line := range strings.Lines(b.text) {
			require.Contains(t, example, strings.TrimSpace(line))
		}
	}
	require.True(t, found)
}

// The tour of the source names files that exist in the directories that the same bullet
// links to.
func TestReadmeTour(t *testing.T) {
	_, tour, ok := strings.Cut(read(t, "README.md"), "\n## Reading the source\n")
	require.True(t, ok)
	named := 0
	for paragraph := range strings.SplitSeq(tour, "\n- ") {
		var dirs []string
		for _, m := range regexp.MustCompile(`\]\(([a-z/._]+)\)`).FindAllStringSubmatch(paragraph, -1) {
			dir := m[1]
			if filepath.Ext(dir) != "" {
				dir = filepath.Dir(dir)
			}
			dirs = append(dirs, dir)
		}
		for _, m := range regexp.MustCompile("`([a-z_]+\\.go)`").FindAllStringSubmatch(paragraph, -1) {
			require.True(t, existsIn(m[1], dirs), "%s is in none of %v", m[1], dirs)
			named++
		}
	}
	require.NotZero(t, named)
}

func existsIn(name string, dirs []string) bool {
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(root, dir, name)); err == nil {
			return true
		}
	}
	return false
}
