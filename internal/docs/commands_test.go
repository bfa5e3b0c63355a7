package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The commands of each document work, one after the other, and answer what it says.
func TestCommands(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the commands are for Linux")
	}
	if testing.Short() {
		t.Skip("with -short: it builds the programs, and runs them for many seconds")
	}
	programs := build(t)
	waitForUptime(t, 8*time.Minute)
	for _, name := range documents(t) {
		list := blocks(read(t, name))
		if name == "README.md" || !strings.HasPrefix(name, "docs/") || len(list) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			follow(t, newSandbox(t, programs), list)
		})
	}
	t.Run("mentioned", func(t *testing.T) {
		t.Parallel()
		for _, name := range documents(t) {
			mentioned(t, programs, name)
		}
	})
	t.Run("README.md", func(t *testing.T) {
		t.Parallel()
		s := newSandbox(t) // It has to say how to build the programs.
		list := blocks(read(t, "README.md"))
		follow(t, s, list)
		require.FileExists(t, filepath.Join(s.system, "opt/cni/bin/host-local"))
		require.FileExists(t, filepath.Join(s.system, "usr/local/bin/leasehold"))
		for _, st := range steps(t, list[0].text) {
			if strings.Contains(st.command, "host-local <") {
				s.do(t, st) // It says that it can be run again.
			}
		}
	})
}

// No document, unit or help shows a gc that can take the address of a container that is
// starting, in use or a build: such commands are copied.
func TestGCIsShownSafe(t *testing.T) {
	shown := func(command string) {
		require.NotRegexp(t, `gc .*(--older-than[ =](0|[0-4]m|[0-9]+s)\b|--release-[a-z]+|--allow-none)`, command)
	}
	for _, name := range documents(t) {
		for _, b := range blocks(read(t, name)) {
			shown(b.text)
		}
	}
	units, err := filepath.Glob(filepath.Join(root, "packaging/systemd/*"))
	require.NoError(t, err)
	require.NotEmpty(t, units)
	for _, unit := range append(units, filepath.Join(root, "cmd/leasehold/gc.go"), filepath.Join(root, "cmd/leasehold/whyfull.go")) {
		text, err := os.ReadFile(unit)
		require.NoError(t, err)
		shown(string(text))
	}
}

// waitForUptime waits until the machine has been up for some minutes. Documents show leases
// that are six minutes old, and of a boot that is not over.
func waitForUptime(t *testing.T, d time.Duration) {
	t.Helper()
	text, err := os.ReadFile("/proc/uptime")
	require.NoError(t, err)
	up, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	require.NoError(t, err)
	time.Sleep(d - time.Duration(up*float64(time.Second)))
}

// mentioned makes sure that commands and flags that a document names between backticks
// are there.
func mentioned(t *testing.T, programs, name string) {
	t.Helper()
	for _, m := range regexp.MustCompile("`(leasehold|cnitool) ([a-z-]+)([^`]*)`").FindAllStringSubmatch(prose(read(t, name)), -1) {
		help, err := exec.Command(filepath.Join(programs, m[1]), "help", m[2]).CombinedOutput()
		require.NoError(t, err, "%s, in %s", m[0], name)
		require.NotContains(t, string(help), "Unknown help topic", "%s, in %s", m[0], name)
		own, _, _ := strings.Cut(m[3], " -- ")
		for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(own, -1) {
			require.Contains(t, string(help), flag+" ", "%s, in %s", m[0], name)
		}
	}
}

// build returns a directory with the programs.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("go", "build", "-o", dir, root+"/cmd/...").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dir
}

func follow(t *testing.T, s *sandbox, list []block) {
	t.Helper()
	for _, b := range list {
		switch b.language {
		case "hidden":
			s.do(t, step{command: b.text})
		case "console":
			for _, st := range steps(t, b.text) {
				if elsewhere(st.command) {
					continue
				}
				s.do(t, st)
				if strings.HasPrefix(st.command, "export ") || strings.Contains(st.command, "() {") {
					s.remember(st.command)
				}
			}
		default:
			require.NotContains(t, []string{"sh", "bash", "shell"}, b.language, "a command that no test runs: %s", b.text)
		}
	}
}

// timeless replaces what is different every time, and what follows from its width.
func timeless(answer string) string {
	answer = regexp.MustCompile(`[0-9]{8}T[0-9]{6}\.[0-9]{3}Z`).ReplaceAllString(answer, "TIME")
	answer = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z`).ReplaceAllString(answer, "TIME")
	answer = regexp.MustCompile(`\b(?:[0-9]+h[0-9]+m|[0-9]+m[0-9]+s|[0-9]+m|[0-9]+s)\b`).ReplaceAllString(answer, "AGE")
	answer = strings.ReplaceAll(answer, "this?", "this") // where the machine has just started
	answer = regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`).ReplaceAllString(answer, "BOOT")
	return regexp.MustCompile(`  +|\t`).ReplaceAllString(answer, "  ")
}

// elsewhere reports whether a command has a place of its own in CI, because it runs
// these very tests, measures, or fetches what builds packages; or whether it takes
// root, and these tests do not have it.
func elsewhere(command string) bool {
	for _, text := range []string{"go test", "bench/compare", "make packages"} {
		if strings.Contains(command, text) {
			return true
		}
	}
	return strings.Contains(command, "cnitool run") && os.Geteuid() != 0
}

// Targets of make that a document names are there.
func TestMakeTargets(t *testing.T) {
	makefile := read(t, "Makefile")
	for _, name := range documents(t) {
		require.NotRegexp(t, `\bFIG[A-Z]+`, read(t, name), "a figure is missing in %s", name)
		for _, m := range regexp.MustCompile("(?m)(?:`|^\\$ )make ([a-z]+)").FindAllStringSubmatch(read(t, name), -1) {
			require.Regexp(t, `(?m)^`+m[1]+`:`, makefile, "make %s, in %s", m[1], name)
		}
	}
}
