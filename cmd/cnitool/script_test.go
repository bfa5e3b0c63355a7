package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/leasehold/leasehold/internal/cli/clitest"
)

// status N ARG… runs cnitool ARG… and requires the exit status N.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: status N ARG...")
	}
	err := ts.Exec("cnitool", append([]string{"--cache-dir", ts.Getenv("CACHE")}, args[1:]...)...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if want, err := strconv.Atoi(args[0]); err != nil || got != want {
		ts.Fatalf("status %d, want %s", got, args[0])
	}
}

// conf NAME [KEY=JSON…] writes a network list with host-local and these keys in ipam.
func conf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: conf NAME [KEY=JSON...]")
	}
	text := `{"cniVersion": "1.1.0", "name": ` + strconv.Quote(args[0]) +
		`, "plugins": [{"type": "host-local", "ipam": ` + clitest.IPAM(ts.MkAbs("data"), args[1:]) + "}]}\n"
	dir := ts.Getenv("NETCONFPATH")
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(os.WriteFile(filepath.Join(dir, args[0]+".conflist"), []byte(text), 0o600))
}
