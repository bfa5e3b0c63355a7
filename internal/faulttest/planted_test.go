package faulttest

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// patches returns all patches of the tests of this project.
func patches(t *testing.T) (all []Patch) {
	t.Helper()
	root, err := moduleRoot()
	require.NoError(t, err)
	for _, pattern := range []string{"internal/faulttest/*/testdata/planted", "internal/faulttest/*/testdata", "interop/testdata"} {
		found, err := filepath.Glob(filepath.Join(root, pattern, "*.patch"))
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
		for _, p := range found {
			all = append(all, Patch(p))
		}
	}
	return all
}

// A rename in the product must not leave a patch behind: the tests that build the programs
// with it run late, and most of them only in an exhaustive run.
func TestPatchesApply(t *testing.T) {
	root, err := moduleRoot()
	require.NoError(t, err)
	for _, p := range patches(t) {
		t.Run(filepath.Base(string(p)), func(t *testing.T) {
			text, err := os.ReadFile(string(p))
			require.NoError(t, err)
			title, _, _ := bytes.Cut(text, []byte("\n"))
			require.Regexp(t, `^[A-Z][^-+@]{10,80}$`, string(title), "the first line is a title")
			_, err = plant(root, t.TempDir(), []Patch{p})
			require.NoError(t, err)
		})
	}
}

// What the patches make of the programs compiles. Those that change different files are compiled together.
func TestPatchesCompile(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short: compiling takes longer than all else")
	}
	root, err := moduleRoot()
	require.NoError(t, err)
	for _, group := range disjoint(t, patches(t)) {
		overlay, err := plant(root, t.TempDir(), group.patches)
		require.NoError(t, err)
		args := []string{"build", "-overlay", overlay, "-o", os.DevNull}
		for file := range group.files {
			args = append(args, "./"+filepath.Dir(file))
		}
		cmd := exec.Command("go", args...)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s\n%s", group.patches, out)
	}
}

// A patchGroup is patches, and the files that they change.
type patchGroup struct {
	patches []Patch
	files   map[string]bool
}

// disjoint divides patches into groups in which no two change the same file.
func disjoint(t *testing.T, all []Patch) (groups []patchGroup) {
	t.Helper()
	for _, p := range all {
		text, err := os.ReadFile(string(p))
		require.NoError(t, err)
		files := make(map[string]bool)
		for _, m := range patchedFile.FindAllSubmatch(text, -1) {
			files[string(m[1])] = true
		}
		i := slices.IndexFunc(groups, func(g patchGroup) bool {
			for file := range files {
				if g.files[file] {
					return false
				}
			}
			return true
		})
		if i < 0 {
			i, groups = len(groups), append(groups, patchGroup{files: make(map[string]bool)})
		}
		groups[i].patches = append(groups[i].patches, p)
		maps.Copy(groups[i].files, files)
	}
	return groups
}

// A patch whose context has changed is an error that says what to do.
func TestPatchOfOtherText(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.go"), []byte("package a\n\nvar x = 1\n"), 0o600))
	p := Patch(filepath.Join(dir, "p.patch"))
	require.NoError(t, os.WriteFile(string(p), []byte("Title\n\n--- a/a.go\n+++ b/a.go\n@@ -1,3 +1,3 @@\n package a\n \n-var x = 2\n+var x = 3\n"), 0o600))
	_, err := plant(dir, t.TempDir(), []Patch{p})
	require.ErrorContains(t, err, "make the same mistake in the new code")
}

// Two patches can change one file.
func TestTwoPatchesOfOneFile(t *testing.T) {
	root, dir := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "a.go"), []byte("package a\n\nvar x = 1\nvar y = 1\nvar z = 1\n"), 0o600))
	one, two := Patch(filepath.Join(root, "1.patch")), Patch(filepath.Join(root, "2.patch"))
	require.NoError(t, os.WriteFile(string(one), []byte("One\n\n--- a/a.go\n+++ b/a.go\n@@ -1,4 +1,4 @@\n package a\n \n-var x = 1\n+var x = 2\n var y = 1\n"), 0o600))
	require.NoError(t, os.WriteFile(string(two), []byte("Two\n\n--- a/a.go\n+++ b/a.go\n@@ -4,2 +4,2 @@\n var y = 1\n-var z = 1\n+var z = 2\n"), 0o600))
	_, err := plant(root, dir, []Patch{one, two})
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(dir, "planted", "a.go"))
	require.NoError(t, err)
	require.Equal(t, "package a\n\nvar x = 2\nvar y = 1\nvar z = 2\n", string(text))
}
