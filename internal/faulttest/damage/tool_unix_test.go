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

// toolCommands are those of the tool that look at a network or change it.
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

// runTool runs the tool as a process, which is not to end by a signal, to panic, or to go
// on for ever.
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

// Whatever stands where a file of a store belongs, the tool answers, and neither reads
// nor writes what is not in the data directory. In a quick run, each scene is played by
// one command.
func TestToolAmongThingsThatAreNoFiles(t *testing.T) {
	program, dir, commands := faulttest.Shared(t).Leasehold, faulttest.Dir(t), toolCommands()
	all, seed := some(scenes()), int(newSeed(t))
	var counted tally
	workers(t, slices.Values(numbered(all)), func(w *worker, c item[scene]) {
		for i, args := range commands {
			if !faulttest.Exhaustive() && (c.n+seed)%len(commands) != i {
				continue
			}
			s, o := c.of.stage(t, filepath.Join(dir, strconv.Itoa(w.number)))
			text, err := runTool(s.net, program, args)
			if err == nil && !c.of.linked() && !(c.of.replacesStore() && c.of.thing.name == "a link to a directory outside") {
				err = errors.Join(o.unseen(text), o.untouched())
			}
			counted.add("tool", harmless)
			if err != nil {
				t.Errorf("%s: %v: %v", c.of, args, err)
			}
		}
	})
	t.Logf("%d runs of the tool, in %d scenes", counted.total, len(all))
}

// An item is one of some, and its number.
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

// However a bolt store is damaged, every command of the tool ends, and says what is wrong
// or does what it should.
func TestToolOnDamagedBoltStore(t *testing.T) {
	program, dir, seed := faulttest.Shared(t).Leasehold, faulttest.Dir(t), newSeed(t)
	o := newOriginal(t, small(), 4)
	other := newOriginal(t, faulttest.Network{Dual: true, Size: 60}, 10)
	var counted tally
	workers(t, slices.Values(numbered(some(ways(other)))), func(w *worker, d item[way]) {
		for i := range times(1, 100) {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			tr := trial{original: o, name: d.of.name, image: d.of.do(r, o, bytes.Clone(o.image)), net: o.net}
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
	t.Logf("%d runs of the tool", counted.total)
}
