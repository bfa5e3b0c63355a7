package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// documents returns the paths of the documents, relative to the root.
func documents(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"*.md", "docs/*.md", "bench/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
		for _, path := range found {
			name, err := filepath.Rel(root, path)
			require.NoError(t, err)
			names = append(names, filepath.ToSlash(name))
		}
	}
	return names
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(text)
}

// A block is the text of a code block, or of a comment with hidden commands, whose language
// is "hidden".
type block struct{ language, text string }

func blocks(document string) []block {
	var list []block
	for _, m := range regexp.MustCompile("(?sm)^```([a-z]*)\n(.*?)^```$|^<!-- sh\n(.*?)^-->$").FindAllStringSubmatch(document, -1) {
		if m[3] != "" {
			list = append(list, block{"hidden", m[3]})
			continue
		}
		list = append(list, block{m[1], m[2]})
	}
	return list
}

// A step is a command with its expected output and exit status.
type step struct {
	command, answer string
	status          int
}

// steps returns the commands of a console block. A line that begins with "> " continues a
// command, and "[exit status N]" follows the output of a command that fails.
func steps(t *testing.T, text string) []step {
	t.Helper()
	var list []step
	for line := range strings.Lines(text) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			list = append(list, step{command: command})
			continue
		}
		require.NotEmpty(t, list, "output without a command: %s", text)
		last := &list[len(list)-1]
		if more, ok := strings.CutPrefix(line, "> "); ok && last.answer == "" {
			last.command += more
		} else if n, ok := strings.CutPrefix(line, "[exit status "); ok {
			status, err := strconv.Atoi(strings.TrimSuffix(n, "]\n"))
			require.NoError(t, err)
			last.status = status
		} else {
			last.answer += line
		}
	}
	return list
}
