package docs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// blocks returns the code blocks of the README in a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	var list []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllSubmatch(text, -1) {
		list = append(list, string(m[1]))
	}
	require.NotEmpty(t, list)
	return list
}

// A step is a command and what it is said to answer.
type step struct{ command, answer string }

func steps(block string) []step {
	var list []step
	for line := range strings.Lines(block) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			list = append(list, step{command: command})
		} else {
			list[len(list)-1].answer += line
		}
	}
	return list
}

// The README's commands work, one after the other in one shell, and answer what
// it says.
func TestReadmeCommands(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the commands are for a Unix shell")
	}
	dir := checkout(t)
	remembered := "set -e\n" // what a shell remembers from block to block
	for _, block := range blocks(t, "console") {
		script := remembered
		want := ""
		for _, s := range steps(block) {
			if tooLong(s.command) {
				continue
			}
			script += s.command
			want += s.answer
			if strings.HasPrefix(s.command, "export ") || strings.Contains(s.command, "() {") {
				remembered += s.command
			}
		}
		// What the README installs for the system is installed aside here.
		script = strings.ReplaceAll(script, "/opt/cni/bin", dir+"/opt")
		out := shell(t, dir, script)
		if want != "" {
			require.Equal(t, timeless(want), timeless(strings.ReplaceAll(out, dir+"/data", "/tmp/leasehold-demo")), script)
		}
	}
	require.FileExists(t, filepath.Join(dir, "opt", "host-local"))

	again := shell(t, dir, steps(blocks(t, "console")[0])[0].command)
	require.Equal(t, steps(blocks(t, "console")[0])[0].answer, again, "twice in a row")
}

// timeless replaces what is different every time.
func timeless(answer string) string {
	answer = regexp.MustCompile(`[0-9]{8}T[0-9]{6}\.[0-9]{3}Z`).ReplaceAllString(answer, "TIME")
	return regexp.MustCompile(`\b[0-9]+s\b`).ReplaceAllString(answer, "AGE")
}

// tooLong reports whether a command has a place of its own in CI: it runs these
// very tests, or measures.
func tooLong(command string) bool {
	return strings.Contains(command, "go test") || strings.Contains(command, "bench/compare")
}

func shell(t *testing.T, dir, script string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out // as a terminal shows them
	require.NoError(t, cmd.Run(), "%s\n%s", script, &out)
	return out.String()
}

// checkout copies the module, with data directories of its own in the examples.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum", "Makefile", "allocator", "backend", "cmd", "internal", "examples"} {
		from := filepath.Join(root, name)
		if info, err := os.Stat(from); err == nil && info.IsDir() {
			require.NoError(t, os.CopyFS(filepath.Join(dir, name), os.DirFS(from)))
			continue
		}
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "opt"), 0o755))
	examples, err := filepath.Glob(filepath.Join(dir, "examples", "*"))
	require.NoError(t, err)
	for _, name := range examples {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		text = bytes.ReplaceAll(text, []byte("/tmp/leasehold-demo"), []byte(dir+"/data"))
		text = bytes.ReplaceAll(text, []byte(`"type": "host-local",`), []byte(`"type": "host-local", "dataDir": "`+dir+`/data",`))
		require.NoError(t, os.WriteFile(name, text, 0o600))
	}
	return dir
}

// The README's Go is a part of an example that runs.
func TestReadmeGo(t *testing.T) {
	example, err := os.ReadFile(filepath.Join(root, "backend/bolt/example_test.go"))
	require.NoError(t, err)
	for _, block := range blocks(t, "go") {
		for line := range strings.Lines(block) {
			require.Contains(t, string(example), strings.TrimSpace(line))
		}
	}
}
