package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/leasehold/leasehold/internal/cli/clitest"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/lint"
)

// The scripts run the tool as an operator does, and the plugin as a runtime does.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"leasehold": anywhere, "host-local": clitest.HostLocal})
}

// anywhere is main, on a machine whose own addresses are in no range of the scripts.
func anywhere() {
	t := newTool()
	t.hostAddrs = func() ([]lint.HostAddr, error) { return nil, nil }
	os.Exit(t.run(context.Background(), os.Args[1:]))
}

func TestScripts(t *testing.T) {
	needsDefaultDataDir(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			// Nothing of this machine's comes in: no configurations, no stores.
			env.Setenv("NETCONFPATH", filepath.Join(env.WorkDir, "net.d"))
			env.Setenv("D", filepath.Join(env.WorkDir, "data"))
			env.Setenv("CNI_COMMAND", "ADD")
			env.Setenv("NO_COLOR", "1")
			return os.MkdirAll(filepath.Join(env.WorkDir, "data"), 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"add": add, "age": age1, "damage": damage, "glob": glob, "config": conf,
		},
	})
}

// needsDefaultDataDir skips a test where /var/lib/cni/networks may not be read: the tool
// looks there too, and on a host with containers it often belongs to root alone.
func needsDefaultDataDir(t *testing.T) {
	t.Helper()
	if _, err := os.ReadDir(config.DefaultDataDir); errors.Is(err, fs.ErrPermission) {
		t.Skip("takes root here:", err)
	}
}

// conf writes a configuration of host-local: config NAME FILE [KEY=JSON…], with keys of
// ipam.
func conf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: config NAME FILE [KEY=JSON...]")
	}
	text := `{"cniVersion": "1.1.0", "name": ` + strconv.Quote(args[0]) +
		`, "type": "bridge", "ipam": ` + clitest.IPAM(ts.Getenv("D"), args[2:]) + "}\n"
	path := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, []byte(text), 0o600))
}

// add runs ADD for containers: add CONFIG ID….
func add(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: add CONFIG ID...")
	}
	for _, id := range args[1:] {
		ts.Setenv("CNI_CONTAINERID", id)
		in, err := os.Open(ts.MkAbs(args[0]))
		ts.Check(err)
		in.Close()
		ts.Check(ts.Exec("sh", "-c", "host-local < "+ts.MkAbs(args[0])))
	}
}

// age1 makes files look old: age DURATION FILE….
func age1(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: age DURATION FILE...")
	}
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	at := time.Now().Add(-d)
	for _, name := range args[1:] {
		ts.Check(os.Chtimes(ts.MkAbs(name), at, at))
	}
}

// damage overwrites bytes: damage FILE OFFSET TEXT.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: damage FILE OFFSET TEXT")
	}
	at, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY, 0)
	ts.Check(err)
	defer f.Close()
	_, err = f.WriteAt([]byte(args[2]), at)
	ts.Check(err)
}

// glob sets a variable to the one file that a pattern names: glob NAME PATTERN. With
// !, there must be none.
func glob(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] glob NAME PATTERN")
	}
	names, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	switch {
	case neg && len(names) > 0:
		ts.Fatalf("%s: there is %v", args[1], names)
	case !neg && len(names) != 1:
		ts.Fatalf("%s: %v, want one", args[1], names)
	case !neg:
		ts.Setenv(args[0], names[0])
	}
}
