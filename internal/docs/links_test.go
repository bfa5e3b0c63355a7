package docs

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every relative link leads to an existing file and, if it has an anchor, to a heading.
func TestLinks(t *testing.T) {
	links := 0
	for _, name := range documents(t) {
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(prose(read(t, name)), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := name
			if path != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(name), path))
			}
			links++
			if anchor == "" {
				require.True(t, exists(target), "%s links to %s", name, m[1])
				continue
			}
			require.Contains(t, anchors(read(t, target)), anchor, "%s links to %s", name, m[1])
		}
	}
	require.NotZero(t, links)
}

func exists(name string) bool {
	found, err := filepath.Glob(filepath.Join(root, name)) // of files and directories
	return err == nil && len(found) > 0
}

// prose returns a document without its code blocks.
func prose(document string) string {
	return regexp.MustCompile("(?sm)^```.*?^```$").ReplaceAllString(document, "")
}

// anchors returns the link anchors of the headings.
func anchors(document string) []string {
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(prose(document), -1) {
		name := strings.ToLower(m[1])
		name = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(name, "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}
