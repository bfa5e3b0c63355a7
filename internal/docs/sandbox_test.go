package docs

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A sandbox is a checkout of the project in which the commands of a document run, and a
// directory that stands for the system's root: what they do there is done below it.
type sandbox struct {
	checkout, system string
	env              []string
	remembered       string // what a shell remembers from command to command
}

// places are the paths of the system that documents speak of.
func places() []string {
	return []string{"/opt/cni/bin", "/etc/cni/net.d", "/var/lib/cni", "/var/backups", "/var/lib/prometheus", "/usr/libexec", "/tmp/leasehold-demo"}
}

// newSandbox returns a sandbox in which programs of the directories are found, and the
// stand-ins for those of runtimes.
func newSandbox(t *testing.T, programs ...string) *sandbox {
	t.Helper()
	s := &sandbox{checkout: t.TempDir(), system: t.TempDir()}
	for _, name := range []string{"go.mod", "go.sum", "Makefile", "allocator", "backend", "cmd", "cniexec", "internal", "examples", "packaging", "README.md", "DESIGN.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "docs"} {
		from := filepath.Join(root, name)
		if info, err := os.Stat(from); err == nil && info.IsDir() {
			require.NoError(t, os.CopyFS(filepath.Join(s.checkout, name), os.DirFS(from)))
			continue
		}
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(s.checkout, name), text, 0o600))
	}
	for _, place := range places() {
		require.NoError(t, os.MkdirAll(s.system+place, 0o755))
	}
	s.moveExamples(t)
	standIns, err := filepath.Abs("testdata/programs")
	require.NoError(t, err)
	path := strings.Join(append(programs, standIns, os.Getenv("PATH")), string(filepath.ListSeparator))
	s.env = append(os.Environ(), "PATH="+path, "NETCONFPATH="+s.system+"/etc/cni/net.d", "SYSTEM="+s.system,
		"MAKEFLAGS=DESTDIR="+s.system, "TZ=UTC")
	return s
}

// moveExamples gives the examples data directories in the sandbox.
func (s *sandbox) moveExamples(t *testing.T) {
	t.Helper()
	examples, err := filepath.Glob(filepath.Join(s.checkout, "examples", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, examples)
	for _, name := range examples {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		moved := s.inside(string(text))
		if !strings.Contains(moved, `"dataDir"`) {
			moved = strings.ReplaceAll(moved, `"ipam": {`, `"ipam": {"dataDir": "`+s.system+`/tmp/leasehold-demo",`)
		}
		require.NoError(t, os.WriteFile(name, []byte(moved), 0o600))
	}
}

// inside returns text with the paths that the sandbox has.
func (s *sandbox) inside(text string) string {
	for _, place := range places() {
		text = strings.ReplaceAll(text, place, s.system+place)
	}
	return text
}

// do runs a command as a shell does that has run the others before, and compares what
// it answers, if anything is said about that, and how it exits.
func (s *sandbox) do(t *testing.T, st step) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "set -e\n"+s.remembered+s.inside(st.command))
	cmd.Dir, cmd.Env = s.checkout, s.env
	if regexp.MustCompile(`\b(verify|usage|validate)\b`).MatchString(st.command) {
		withoutAddresses(cmd)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out // as a terminal shows them
	err := cmd.Run()
	status := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else {
		require.NoError(t, err, st.command)
	}
	require.Equal(t, st.status, status, "exit status of %s\n%s", st.command, &out)
	if st.answer != "" {
		require.Equal(t, timeless(st.answer), timeless(strings.ReplaceAll(out.String(), s.system, "")), st.command)
	}
}

// remember has later commands run in a shell that has run this one.
func (s *sandbox) remember(command string) { s.remembered += s.inside(command) }
