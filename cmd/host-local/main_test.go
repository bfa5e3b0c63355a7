package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts run the plugin as a runtime does: with environment, standard input and exit
// status.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"host-local": main})
}

func TestScripts(t *testing.T) {
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			// No CNI variable is inherited.
			env.Setenv("EXAMPLES", examples)
			env.Setenv("TMPDIR", filepath.Join(env.WorkDir, "tmp"))
			return os.MkdirAll(filepath.Join(env.WorkDir, "tmp"), 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"config": config},
	})
}

// config copies a configuration, with its data directory replaced by one below the work
// directory: config FROM TO.
func config(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: config FROM TO")
	}
	text := withDataDir(ts.ReadFile(args[0]), ts.MkAbs("data"))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}
