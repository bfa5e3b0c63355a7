package hostlocal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/hostlocal"
)

// attended executes the plugin for a caller that can go away.
func attended(ctx context.Context, stdout io.Writer, stdin, command, id string, abandoned func() bool) int {
	vars := map[string]string{"CNI_COMMAND": command, "CNI_CONTAINERID": id}
	p := hostlocal.Plugin{
		Getenv: func(name string) string { return vars[name] },
		Stdin:  bytes.NewBufferString(stdin), Stdout: stdout, Stderr: io.Discard,
		Version: func() string { return "test" }, Abandoned: abandoned,
	}
	return p.RunContext(ctx)
}

func TestAbandonedCommandDoesNothing(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, kind := range []string{"files", "bolt"} {
		c := conf(t.TempDir(), `, "backend": "`+kind+`", "onDuplicate": "return"`)
		gc := c[:len(c)-1] + `, "cni.dev/valid-attachments": []}`
		first := works(t, c, "ADD", "web")
		for _, command := range []string{"ADD", "DEL", "GC"} {
			id, in := map[string]string{"ADD": "late", "DEL": "web"}[command], map[string]string{"GC": gc}[command]
			if in == "" {
				in = c
			}
			var out bytes.Buffer
			require.Equal(t, 1, attended(t.Context(), &out, in, command, id, func() bool { return true }))
			require.Contains(t, out.String(), `"code": 11`)
			require.Contains(t, out.String(), "the caller has gone; nothing was done: standard output has no reader")
			out.Reset()
			require.Equal(t, 1, attended(ended, &out, in, command, id, nil))
			require.Contains(t, out.String(), "the caller has gone; nothing was done: context canceled")
		}
		require.Equal(t, first, works(t, c, "ADD", "web"), "it still has its addresses")
		for i := range 4 { // each set has five addresses, and "late" has none
			works(t, c, "ADD", fmt.Sprint("c", i))
		}
		require.Zero(t, attended(t.Context(), io.Discard, c, "DEL", "unknown", func() bool { return true }), "nothing to do")
	}
}

// A leaving is a standard output whose reader goes away at the first write.
type leaving struct{ gone bool }

func (l *leaving) Write([]byte) (int, error) {
	l.gone = true
	return 0, errors.New("broken pipe")
}

// An ADD whose result is not delivered is undone, even though the caller has gone.
func TestUndoAfterCallerHasGone(t *testing.T) {
	for _, kind := range []string{"files", "bolt"} {
		c := conf(t.TempDir(), `, "backend": "`+kind+`"`)
		var l leaving
		require.Equal(t, 1, attended(t.Context(), &l, c, "ADD", "lost", func() bool { return l.gone }))
		for i := range 5 {
			works(t, c, "ADD", fmt.Sprint("c", i))
		}
	}
}
