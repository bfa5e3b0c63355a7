package faulttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// A Patch is the path of a unified diff that plants a mistake in the programs, to test the
// tests. Its paths begin with a/ and b/ and are relative to the module root; the lines before
// the diff are a title and, where needed, an explanation. It is applied to copies: the files
// on disk do not change.
type Patch string

// Planted returns the patch testdata/planted/NAME.patch of the calling test's package.
func Planted(name string) Patch {
	return Patch(filepath.Join("testdata", "planted", name+".patch"))
}

// Overlaid applies the patches to copies in dir, and returns the path of a file that has the go
// command read the copies (its flag -overlay). The tests of another module build themselves so.
func Overlaid(dir string, patches ...Patch) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	return plant(root, dir, patches)
}

var patchedFile = regexp.MustCompile(`(?m)^\+\+\+ b/(\S+)`)

// plant applies the patches to copies in dir of the files that they change, and returns the
// path of a file that has go build read the copies (its flag -overlay).
func plant(root, dir string, patches []Patch) (string, error) {
	copies := filepath.Join(dir, "planted")
	replace := make(map[string]string)
	for _, p := range patches {
		text, err := os.ReadFile(string(p))
		if err != nil {
			return "", err
		}
		for _, m := range patchedFile.FindAllSubmatch(text, -1) {
			name := string(m[1])
			original, changed := filepath.Join(root, name), filepath.Join(copies, name)
			if _, ok := replace[original]; ok {
				continue
			}
			replace[original] = changed
			if err := copyFile(original, changed); err != nil {
				return "", fmt.Errorf("%s: %w", p, err)
			}
		}
		if err := apply(copies, text); err != nil {
			return "", fmt.Errorf("%s does not apply; make the same mistake in the new code: %w", p, err)
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, text, 0o600))
}

// apply applies a patch in dir. Git finds lines that have moved, but none that have changed.
func apply(dir string, patch []byte) error {
	cmd := exec.Command("git", "apply", "-")
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(patch)
	// In a repository git would skip files that are not below the working directory.
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_DIR=", "LC_ALL=C")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git apply: %w\n%s", err, out)
	}
	return nil
}
