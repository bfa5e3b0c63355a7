package docs

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
)

// A sandbox has a checkout of the project, in which the commands of a document run, and a
// directory that replaces the system's root.
type sandbox struct {
	checkout, system string
	env              []string
	shellState       string   // definitions that later commands need
	prefix           []string // of each command
}

// systemPaths lists the system's paths that documents use.
func systemPaths() []string {
	return []string{"/opt/cni/bin", "/etc/cni/net.d", "/var/lib/cni", "/var/backups", "/var/lib/prometheus", "/usr/libexec", "/tmp/leasehold-demo"}
}

// newSandbox returns a sandbox with the programs of these directories, and the fake
// runtimes, in its PATH.
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
	for _, path := range systemPaths() {
		require.NoError(t, os.MkdirAll(s.system+path, 0o755))
	}
	if hasTimeNamespaces() {
		s.prefix = earlierBoot()
	}
	s.moveExamples(t)
	fakePrograms, err := filepath.Abs("testdata/programs")
	require.NoError(t, err)
	path := strings.Join(append(programs, fakePrograms, os.Getenv("PATH")), string(filepath.ListSeparator))
	s.env = append(os.Environ(), "PATH="+path, "NETCONFPATH="+s.system+"/etc/cni/net.d", "SYSTEM="+s.system,
		"MAKEFLAGS=DESTDIR="+s.system, "TZ=UTC")
	return s
}

// moveExamples moves the data directories of the examples into the sandbox.
func (s *sandbox) moveExamples(t *testing.T) {
	t.Helper()
	examples, err := filepath.Glob(filepath.Join(s.checkout, "examples", "*.*"))
	require.NoError(t, err)
	require.NotEmpty(t, examples)
	for _, name := range examples {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		moved := s.inSandbox(string(text))
		if !strings.Contains(moved, `"dataDir"`) {
			moved = strings.ReplaceAll(moved, `"ipam": {`, `"ipam": {"dataDir": "`+s.system+`/tmp/leasehold-demo",`)
		}
		require.NoError(t, os.WriteFile(name, []byte(moved), 0o600))
	}
}

// inSandbox replaces the system's paths in text by paths in the sandbox.
func (s *sandbox) inSandbox(text string) string {
	for _, path := range systemPaths() {
		text = strings.ReplaceAll(text, path, s.system+path)
	}
	return text
}

// run runs a command in a shell after the remembered definitions, and compares its exit
// status and, if given, its output.
func (s *sandbox) run(t *testing.T, st step) {
	t.Helper()
	args := append(slices.Clone(s.prefix), "sh", "-c", "set -e\n"+s.shellState+s.inSandbox(st.command))
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = s.checkout, s.env
	if regexp.MustCompile(`\b(verify|usage|validate)\b`).MatchString(st.command) {
		hideHostAddresses(cmd)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out // interleaved, as on a terminal
	err := cmd.Run()
	status := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else {
		require.NoError(t, err, st.command)
	}
	require.Equal(t, st.status, status, "exit status of %s\n%s", st.command, &out)
	if st.answer != "" {
		require.Equal(t, normalize(st.answer), normalize(s.outsideSandbox(out.String())), st.command)
	}
}

// outsideSandbox is the reverse of inSandbox. Advice leaves out the default data directory,
// but not the one that replaces it in the sandbox.
func (s *sandbox) outsideSandbox(text string) string {
	text = strings.ReplaceAll(text, " --data-dir "+s.system+config.DefaultDataDir, "")
	return strings.ReplaceAll(text, s.system, "")
}

// addToShell makes a definition available to later commands.
func (s *sandbox) addToShell(command string) { s.shellState += s.inSandbox(command) }
