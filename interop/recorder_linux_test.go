package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A recorder wraps our plugin in a script that records each call, and can make calls fail
// or block.
type recorder struct{ dir string }

// Each record is a single write, so that concurrent calls do not mix.
const recordCalls = `#!/bin/sh
conf=$(cat)
note() { printf '%%s\t%%s\t%%s\t%%s\t%%s\t%%s\n' "$CNI_COMMAND" "$1" "$CNI_CONTAINERID" "$CNI_NETNS" "$CNI_ARGS" "$conf" >>%[1]s/calls; }
fail() { note fails; echo '{"cniVersion": "1.0.0", "code": 999, "msg": "failed by the test"}'; exit 1; }
[ ! -e "%[1]s/fail-$CNI_COMMAND" ] || fail
while [ -e "%[1]s/hold-$CNI_COMMAND" ]; do : >%[1]s/held; sleep 0.1; done
result=$(printf %%s "$conf" | %[2]s) || { note fails; printf %%s "$result"; exit 1; }
[ ! -e "%[1]s/spoil-$CNI_COMMAND" ] || fail
note works
printf %%s "$result"
`

// A recordedCall is a call with its result.
type recordedCall struct {
	command, result, id, netns, args, network string
}

func newRecorder(t *testing.T) recorder {
	t.Helper()
	r := recorder{t.TempDir()}
	script := fmt.Sprintf(recordCalls, r.dir, ours().path)
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "host-local"), []byte(script), 0o755))
	return r
}

// fail makes calls of a command fail before the plugin runs.
func (r recorder) fail(t *testing.T, command string) { r.touch(t, "fail-"+command) }

// failAfter makes calls of a command fail after the plugin has run, as if it were killed
// then.
func (r recorder) failAfter(t *testing.T, command string) { r.touch(t, "spoil-"+command) }

// block makes calls of a command wait before the plugin runs. The returned function waits
// for such a call.
func (r recorder) block(t *testing.T, command string) (wait func()) {
	t.Helper()
	r.touch(t, "hold-"+command)
	return func() {
		require.Eventually(t, func() bool {
			_, err := os.Stat(filepath.Join(r.dir, "held"))
			return err == nil
		}, time.Minute, 50*time.Millisecond)
	}
}

func (r recorder) touch(t *testing.T, name string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, name), nil, 0o600))
}

// reset undoes fail, failAfter and block.
func (r recorder) reset(t *testing.T) {
	t.Helper()
	for _, pattern := range []string{"fail-*", "spoil-*", "hold-*"} {
		names, err := filepath.Glob(filepath.Join(r.dir, pattern))
		require.NoError(t, err)
		for _, name := range names {
			require.NoError(t, os.Remove(name))
		}
	}
}

// calls returns the calls so far.
func (r recorder) calls(t *testing.T) []recordedCall {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "calls"))
	if err != nil {
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	var calls []recordedCall
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		require.Len(t, fields, 6, "%s", line)
		var conf struct{ Name string }
		require.NoError(t, json.Unmarshal([]byte(fields[5]), &conf))
		calls = append(calls, recordedCall{fields[0], fields[1], fields[2], fields[3], fields[4], conf.Name})
	}
	return calls
}

// since returns the commands after the first n calls, with their results.
func (r recorder) since(t *testing.T, n int) []string {
	t.Helper()
	commands := []string{}
	for _, c := range r.calls(t)[n:] {
		commands = append(commands, c.command+" "+c.result)
	}
	return commands
}
