//go:build unix

package damage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// A directory full of other files slows down an ADD, but does not change what it leases.
func TestCrowdedDirectory(t *testing.T) {
	entries := rounds(4000, 1_000_000)
	for name, file := range map[string]func(i int) string{
		"rubbish":           func(i int) string { return fmt.Sprintf("rubbish-%d", i) },
		"addresses outside": func(i int) string { return fmt.Sprintf("10.%d.%d.%d", 1+i>>16, i>>8&255, i&255) },
		"cursors":           func(i int) string { return fmt.Sprintf("last_reserved_ip.%d", 2+i) },
		"temporary files":   func(i int) string { return fmt.Sprintf(".leasehold-new.10.9.%d.%d", i>>8, i&255) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newLeasedStore(t, filepath.Join(faulttest.Dir(t), "data"), config.Files)
			linkMany(t, s.net.Path(), entries, file)
			program := faulttest.Shared(t)
			began := time.Now()
			got := s.exhaust(t, program.HostLocal)
			t.Logf("%d entries: %v for each ADD", entries, (time.Since(began) / time.Duration(got+1)).Round(time.Millisecond))
			require.Equal(t, s.net.Size/2, got)
			for _, args := range [][]string{{"list", faulttest.Name, "--output", "json"}, {"usage", faulttest.Name}, {"verify", faulttest.Name}} {
				_, err := runTool(s.net, program.Leasehold, args)
				require.NoError(t, err)
			}
		})
	}
}

// linkMany creates n names for a few files; a file system limits the number of names of
// each.
func linkMany(t *testing.T, dir string, n int, name func(i int) string) {
	t.Helper()
	first := ""
	for i := range n {
		path := filepath.Join(dir, name(i))
		err := os.Link(first, path)
		if first == "" || errors.Is(err, unix.EMLINK) {
			first, err = path, os.WriteFile(path, []byte("a\r\neth0"), 0o600)
		}
		require.NoError(t, err)
	}
}

// exhaust leases all free addresses with the program, and returns their number.
func (s leasedStore) exhaust(t *testing.T, program string) (n int) {
	t.Helper()
	tr, given := damagedStore{original: &original{}, net: s.net}, leases{}
	for {
		id := fmt.Sprint("new", n)
		out, err := outputWithin(s.net.Command(program, "ADD", id, nil))
		if err != nil {
			require.Contains(t, out, `"code": 100`)
			return n
		}
		require.NoError(t, tr.checkAdd([]byte(out), id, s.now, given))
		n++
	}
}

// Whatever a lease file holds, its address stays leased.
func TestLeaseFileHoldsAnything(t *testing.T) {
	dir := faulttest.Dir(t)
	var all []placement
	for n, content := range sample(contents()) {
		put := func(path string, _ *canary) error { return os.WriteFile(path, []byte(content), 0o600) }
		name := fmt.Sprintf("%.40q", content)
		if strings.TrimFunc(content, func(r rune) bool { return unicode.IsSpace(r) || r == 0 }) == "" {
			name = emptyFile
		}
		places := []string{"10.0.0.11", "10.0.0.20", "FD00::15", "fd00::b"}
		if !faulttest.Exhaustive() {
			places = places[n%len(places):][:1]
		}
		for _, place := range places {
			all = append(all, placement{config.Files, filepath.Join(faulttest.Name, place), obstacle{name, put}})
		}
	}
	workers(t, slices.Values(all), func(w *worker, c placement) {
		s, _ := c.setUp(t, filepath.Join(dir, fmt.Sprint(w.number)))
		if _, err := s.runPlugin(w, c); err != nil {
			t.Errorf("%s: %v", c, err)
		}
	})
	t.Logf("%d lease files", len(all))
}

// contents lists contents of lease files, seen or imagined.
func contents() []string {
	id := strings.Repeat("0123456789abcdef", 4)
	all := []string{
		id, id + "\r\neth0", id + "\neth0", id + "\r\neth0\r\n", " \t" + id + " \r\n eth0 ", id + "\r\n", "\r\neth0", "\r\n",
		id + "\x00\r\neth0\x00", "\xff\xfe" + id, "\xef\xbb\xbf" + id + "\r\neth0", id + "\r\neth0\r\n" + id + "\r\neth1",
		"{}", `{"id": "x"}`, "../../etc/passwd", "-rf", "%s%n", "\x1b[2J", "(directory)\r\neth0", "lost-in-repair",
		strings.Repeat("x", 16<<10), strings.Repeat("x", 16<<10+1), strings.Repeat("x", 16<<10-1), strings.Repeat("\x00", 16<<10+1) + "x",
		strings.Repeat("é", 5000), strings.Repeat("\xc3", 300), strings.Repeat("\r\n", 100), strings.Repeat(" ", 20000) + id,
	}
	for i := range 256 {
		all = append(all, string([]byte{byte(i)}), id[:40]+string([]byte{byte(i)})+id[40:]+"\r\neth0")
	}
	slices.Sort(all)
	return slices.Compact(all)
}
