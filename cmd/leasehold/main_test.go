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
	_ "time/tzdata" // The host may have none.

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/leasehold/leasehold/internal/cli/clitest"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/lint"
	"github.com/leasehold/leasehold/internal/ramtemp"
)

// The scripts in testdata run the tool and the plugin as commands.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"leasehold": mainWithoutHostAddrs, "host-local": clitest.HostLocal})
}

// mainWithoutHostAddrs is main without the addresses of this host, which might be in the
// ranges of the scripts.
func mainWithoutHostAddrs() {
	t := newTool()
	t.hostAddrs = func() ([]lint.HostAddr, error) { return nil, nil }
	os.Exit(t.run(context.Background(), os.Args[1:]))
}

func TestScripts(t *testing.T) {
	needsDefaultDataDir(t)
	ramtemp.UseIn(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			// Hide the configurations and stores of this machine.
			env.Setenv("NETCONFPATH", filepath.Join(env.WorkDir, "net.d"))
			env.Setenv("D", filepath.Join(env.WorkDir, "data"))
			env.Setenv("CNI_COMMAND", "ADD")
			env.Setenv("NO_COLOR", "1")
			return os.MkdirAll(filepath.Join(env.WorkDir, "data"), 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"add": add, "age": ageFiles, "damage": damage, "glob": glob, "config": conf,
		},
	})
}

// needsDefaultDataDir skips a test if this user cannot read /var/lib/cni/networks: the tool
// always looks there too, and on a host with containers only root may read it.
func needsDefaultDataDir(t *testing.T) {
	t.Helper()
	if _, err := os.ReadDir(config.DefaultDataDir); errors.Is(err, fs.ErrPermission) {
		t.Skip("takes root here:", err)
	}
}

// conf writes a configuration of host-local with the given keys in ipam:
// config NAME FILE [KEY=JSON…].
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

// ageFiles makes files look old: age DURATION FILE….
func ageFiles(ts *testscript.TestScript, neg bool, args []string) {
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
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	ts.Check(os.Chmod(path, 0o600)) // without root a replaced store cannot be written
	defer func() { ts.Check(os.Chmod(path, info.Mode())) }()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	ts.Check(err)
	defer f.Close()
	_, err = f.WriteAt([]byte(args[2]), at)
	ts.Check(err)
}

// glob sets a variable to the only file that matches a pattern: glob NAME PATTERN. With !, no
// file must match.
func glob(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] glob NAME PATTERN")
	}
	names, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	switch {
	case neg && len(names) > 0:
		ts.Fatalf("%s: matches %v, want no file", args[1], names)
	case !neg && len(names) != 1:
		ts.Fatalf("%s: matches %v, want one file", args[1], names)
	case !neg:
		ts.Setenv(args[0], names[0])
	}
}
