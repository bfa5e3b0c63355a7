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

// The commands of each document run one after the other and print what it says.
func TestCommands(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the commands need Linux")
	}
	if testing.Short() {
		t.Skip("skipped with -short: builds the programs and runs them for many seconds")
	}
	programs := build(t)
	if !hasTimeNamespaces() && uptime(t) < 15*time.Minute {
		t.Skip("the documents show leases of this boot that are twelve minutes old: the machine has just booted, and making a time namespace needs root")
	}
	for _, name := range documents(t) {
		list := blocks(read(t, name))
		if name == "README.md" || !strings.HasPrefix(name, "docs/") || len(list) == 0 {
			continue
		}
		if name == "docs/many-hosts.md" {
			continue // It needs etcd: cluster/internal/manyhosts runs it.
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runBlocks(t, newSandbox(t, programs), list)
		})
	}
	t.Run("mentioned", func(t *testing.T) {
		t.Parallel()
		for _, name := range documents(t) {
			checkMentionedCommands(t, programs, name)
		}
	})
	t.Run("README.md", func(t *testing.T) {
		t.Parallel()
		s := newSandbox(t) // The README must say how to build the programs.
		list := blocks(read(t, "README.md"))
		runBlocks(t, s, list)
		require.Contains(t, read(t, "README.md"), "`make install`")
		s.run(t, step{command: "make install"})
		require.FileExists(t, filepath.Join(s.system, "opt/cni/bin/host-local"))
		require.FileExists(t, filepath.Join(s.system, "usr/local/bin/leasehold"))
	})
}

// No document, unit or help text shows a gc command that can release the address of a
// container that is starting, in use or a build: users copy such commands.
func TestGCIsShownSafe(t *testing.T) {
	checkSafe := func(command string) {
		require.NotRegexp(t, `gc .*(--older-than[ =](0|[0-4]m|[0-9]+s)\b|--release-[a-z]+|--allow-none)`, command)
	}
	for _, name := range documents(t) {
		for _, b := range blocks(read(t, name)) {
			checkSafe(b.text)
		}
	}
	units, err := filepath.Glob(filepath.Join(root, "packaging/systemd/*"))
	require.NoError(t, err)
	require.NotEmpty(t, units)
	for _, unit := range append(units, filepath.Join(root, "cmd/leasehold/gc.go"), filepath.Join(root, "cmd/leasehold/whyfull.go")) {
		text, err := os.ReadFile(unit)
		require.NoError(t, err)
		checkSafe(string(text))
	}
}

func uptime(t *testing.T) time.Duration {
	t.Helper()
	text, err := os.ReadFile("/proc/uptime")
	require.NoError(t, err)
	up, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	require.NoError(t, err)
	return time.Duration(up * float64(time.Second))
}

// earlierBoot is the prefix of a command that runs in a time namespace in which the machine
// booted a day earlier. The documents show leases of this boot that are twelve minutes old.
func earlierBoot() []string { return []string{"unshare", "--time", "--fork", "--boottime", "86400"} }

// hasTimeNamespaces reports whether earlierBoot works here. It needs root.
func hasTimeNamespaces() bool {
	try := append(earlierBoot(), "true")
	return exec.Command(try[0], try[1:]...).Run() == nil
}

// checkMentionedCommands checks that the commands and flags between backticks in a document
// exist.
func checkMentionedCommands(t *testing.T, programs, name string) {
	t.Helper()
	for _, m := range regexp.MustCompile("`(leasehold|cnitool) ((?:cluster )?[a-z-]+)([^`]*)`").FindAllStringSubmatch(prose(read(t, name)), -1) {
		words := append([]string{"help"}, strings.Fields(m[2])...)
		help, err := exec.Command(filepath.Join(programs, m[1]), words...).CombinedOutput()
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

func runBlocks(t *testing.T, s *sandbox, list []block) {
	t.Helper()
	for _, b := range list {
		switch b.language {
		case "hidden":
			s.run(t, step{command: b.text})
		case "console":
			for _, st := range steps(t, b.text) {
				if isSkipped(st.command) {
					continue
				}
				s.run(t, st)
				if strings.HasPrefix(st.command, "export ") || strings.Contains(st.command, "() {") {
					s.addToShell(st.command)
				}
			}
		default:
			require.NotContains(t, []string{"sh", "bash", "shell"}, b.language, "a command that no test runs: %s", b.text)
		}
	}
}

// normalize replaces everything that differs between runs, and the column widths that
// depend on it.
func normalize(answer string) string {
	answer = regexp.MustCompile(`[0-9]{8}T[0-9]{6}\.[0-9]{3}Z`).ReplaceAllString(answer, "TIME")
	answer = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z`).ReplaceAllString(answer, "TIME")
	answer = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}`).ReplaceAllString(answer, "TIME")
	answer = regexp.MustCompile(`\b(?:[0-9]+h[0-9]+m|[0-9]+m[0-9]+s|[0-9]+m|[0-9]+s)\b`).ReplaceAllString(answer, "AGE")
	answer = strings.ReplaceAll(answer, "this?", "this") // shown shortly after a boot
	answer = regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`).ReplaceAllString(answer, "BOOT")
	return regexp.MustCompile(`  +|\t`).ReplaceAllString(answer, "  ")
}

// isSkipped reports whether a command is not run here, because CI runs it elsewhere (the
// tests, benchmarks and packages), or because it needs root.
func isSkipped(command string) bool {
	for _, text := range []string{"go test", "bench/compare", "make packages"} {
		if strings.Contains(command, text) {
			return true
		}
	}
	return strings.Contains(command, "cnitool run") && os.Geteuid() != 0
}

// The make targets named in documents exist.
func TestMakeTargets(t *testing.T) {
	makefile := read(t, "Makefile")
	for _, name := range documents(t) {
		require.NotRegexp(t, `\bFIG[A-Z]+`, read(t, name), "a figure is missing in %s", name)
		for _, m := range regexp.MustCompile("(?m)(?:`|^\\$ )make ([a-z]+)").FindAllStringSubmatch(read(t, name), -1) {
			require.Regexp(t, `(?m)^`+m[1]+`:`, makefile, "make %s, in %s", m[1], name)
		}
	}
}
