package browser

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	// go test reruns cached tests only if a package linked into them has changed.
	_ "github.com/leasehold/leasehold/internal/report/page"
)

// program is the tool, and chromium the browser; empty if there is none.
var program, chromium string

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "leasehold-browser-")
	if err == nil {
		defer os.RemoveAll(dir) // Only the built program is left otherwise.
		program = filepath.Join(dir, "leasehold")
		build := exec.Command("go", "build", "-o", program, "./cmd/leasehold")
		build.Dir, build.Stderr = "..", os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "building leasehold:", err)
		return 1
	}
	chromium, _ = exec.LookPath("chromium") // Tests are skipped without one.
	return m.Run()
}
