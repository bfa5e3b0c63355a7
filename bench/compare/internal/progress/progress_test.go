package progress

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// line returns a line, what it wrote, and a clock to set.
func line(terminal bool) (l *Line, out *strings.Builder, now *time.Time) {
	out, now = new(strings.Builder), new(time.Time)
	*now = time.Unix(1e9, 0)
	l = &Line{out: out, terminal: terminal, now: func() time.Time { return *now }, began: *now}
	return l, out, now
}

func TestTerminal(t *testing.T) {
	l, out, now := line(true)
	l.Printf("round %d", 1)
	*now = now.Add(61_500 * time.Millisecond)
	l.Printf("round %d", 2)
	l.Clear()
	require.Equal(t, "\r\x1b[K   0s  round 1\r\x1b[K 1m1s  round 2\r\x1b[K", out.String())
}

func TestLog(t *testing.T) {
	l, out, now := line(false)
	for i := range 40 {
		l.Printf("round %d", i)
		*now = now.Add(time.Second)
	}
	l.Clear()
	require.Equal(t, "   0s  round 0\n  15s  round 15\n  30s  round 30\n", out.String())
}

func TestNobodyLooks(t *testing.T) {
	var l *Line
	l.Printf("nothing")
	l.Clear()
}

func TestFileIsNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer f.Close()
	New(f).Printf("a line")
	text, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.Equal(t, "   0s  a line\n", string(text))
}
