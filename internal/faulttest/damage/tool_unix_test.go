//go:build unix

package damage

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// toolCommands lists commands of leasehold that read or change a network.
func toolCommands() [][]string {
	return [][]string{
		{"list", faulttest.Name}, {"who", "10.0.0.11"}, {"usage", faulttest.Name}, {"map", faulttest.Name},
		{"why-full", faulttest.Name}, {"verify", faulttest.Name}, {"export", faulttest.Name}, {"metrics", faulttest.Name},
		{"gc", faulttest.Name, "--valid", "-", "--dry-run"}, {"list"}, {"verify"},
		{"release", faulttest.Name, "10.0.0.11"}, {"migrate", faulttest.Name, "--to", "bolt"}, {"migrate", faulttest.Name, "--to", "files"},
		{"verify", "--repair", faulttest.Name}, {"verify", "--repair", "--accept-loss", faulttest.Name},
		{"gc", faulttest.Name, "--valid", "-", "--min-age", "0s"},
	}
}

// runTool runs leasehold, which must exit without a signal, a panic or a hang.
func runTool(n faulttest.Network, program string, args []string) (text string, err error) {
	cmd := n.Tool(program, args...)
	cmd.Stdin = strings.NewReader("c1 eth0\n")
	out, err := outputWithin(cmd)
	exit := (*exec.ExitError)(nil)
	switch {
	case errors.As(err, &exit) && exit.Exited() && exit.ExitCode() <= 2, err == nil:
		for _, word := range []string{"panic:", "goroutine ", "fatal error"} {
			if strings.Contains(out, word) {
				return out, fmt.Errorf("leasehold %v: %s", args, out)
			}
		}
		return out, nil
	}
	return out, fmt.Errorf("leasehold %v: %w: %.600s", args, err, out)
}

// Whatever is in the place of a file of a store, leasehold answers, and neither reads nor
// writes outside the data directory. A quick run tries one command for each placement.
func TestToolWithObstacles(t *testing.T) {
	program, dir, commands := faulttest.Shared(t).Leasehold, faulttest.Dir(t), toolCommands()
	all, seed := sample(placements()), int(faulttest.Seed(t))
	var counted outcomeCounts
	workers(t, slices.Values(numbered(all)), func(w *worker, c item[placement]) {
		for i, args := range commands {
			if !faulttest.Exhaustive() && (c.n+seed)%len(commands) != i {
				continue
			}
			s, o := c.of.setUp(t, filepath.Join(dir, strconv.Itoa(w.number)))
			text, err := runTool(s.net, program, args)
			if err == nil && !c.of.sharesFile() && !(c.of.replacesStore() && c.of.obstacle.name == "a link to a directory outside") {
				err = errors.Join(o.checkUnread(text), o.checkUntouched())
			}
			counted.add("tool", harmless)
			if err != nil {
				t.Errorf("%s: %v: %v", c.of, args, err)
			}
		}
	})
	t.Logf("%d runs of leasehold, %d placements", counted.total, len(all))
}

// An item is a value with its index.
type item[T any] struct {
	n  int
	of T
}

func numbered[T any](all []T) (items []item[T]) {
	for n, of := range all {
		items = append(items, item[T]{n, of})
	}
	return items
}

// However a bolt store is damaged, every command of leasehold ends, without a crash.
func TestToolOnDamagedBoltStore(t *testing.T) {
	program, dir, seed := faulttest.Shared(t).Leasehold, faulttest.Dir(t), faulttest.Seed(t)
	o := newOriginal(t, small(), 4)
	other := newOriginal(t, faulttest.Network{Dual: true, Size: 60}, 10)
	var counted outcomeCounts
	workers(t, slices.Values(numbered(sample(damages(other)))), func(w *worker, d item[damage]) {
		for i := range rounds(1, 100) {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			tr := damagedStore{original: o, name: d.of.name, image: d.of.do(r, o, bytes.Clone(o.image)), net: o.net}
			tr.net.Dir = filepath.Join(dir, strconv.Itoa(w.number))
			for _, args := range toolCommands() {
				require.NoError(t, os.RemoveAll(tr.net.Dir))
				require.NoError(t, os.MkdirAll(tr.net.Dir, 0o755))
				require.NoError(t, tr.write())
				if _, err := runTool(tr.net, program, args); err != nil {
					t.Errorf("%s, seed %d, %d: %v", tr.name, seed, i, err)
				}
				counted.add("runs", harmless)
			}
		}
	})
	t.Logf("%d runs of leasehold", counted.total)
}
