//go:build linux

package powercut

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// A recorder writes the history of a directory.
type recorder struct {
	network  faulttest.Network // somewhere below root
	programs faulttest.Programs
	root     string
	vault    string // a second name for each file there ever was
	inodes   int    // so far

	history history
	marked  map[int]bool          // the inodes that say that they were replaced
	began   map[*ptracer.Call]int // how many events there were before a sync
	now     *moment               // after all of them
	err     error                 // the first
}

// newRecorder begins with what is in root, which counts as synced.
func newRecorder(n faulttest.Network, p faulttest.Programs, root, vault string) (*recorder, error) {
	r := &recorder{
		network: n, programs: p, root: root, vault: vault,
		began: map[*ptracer.Call]int{}, marked: map[int]bool{}, now: newMoment(),
	}
	r.note(r.scan()...)
	r.note(allSynced{len(r.history)})
	return r, r.err
}

// scan returns events that make what is in root.
func (r *recorder) scan() (found []event) {
	r.failed(filepath.WalkDir(r.root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == r.root {
			return err
		}
		if e.IsDir() {
			found = append(found, mkdir{r.below(path)})
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found = append(found, r.keep(path), write{path: r.below(path), data: data, modified: r.modified(r.inodes)})
		return nil
	}))
	return found
}

// note adds events to the history.
func (r *recorder) note(events ...event) {
	for _, e := range events {
		if r.err == nil {
			r.history = append(r.history, e)
			r.err = r.now.apply(e)
		}
	}
}

func (r *recorder) failed(err error) {
	if r.err == nil {
		r.err = err
	}
}

// keep gives a file its second name.
func (r *recorder) keep(path string) create {
	r.inodes++
	r.failed(os.Link(path, inVault(r.vault, r.inodes)))
	return create{r.below(path), r.inodes, r.modified(r.inodes)}
}

// below returns a path as the history has it, or an empty string if it is not below root
// or of a file that has no name any more.
func (r *recorder) below(path string) string {
	rel, err := filepath.Rel(r.root, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") || strings.HasSuffix(path, " (deleted)") {
		return ""
	}
	return rel
}

// run runs a process to its end, unless it is to be killed at a call on what is followed.
// Told is called with what it writes to standard output, before it has been written.
func (r *recorder) run(cmd *exec.Cmd, k kill, told func(text []byte)) error {
	if r.err != nil {
		return r.err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_, err := ptracer.Run(cmd, ptracer.Hooks{
		Data: true,
		Enter: func(c *ptracer.Call) ptracer.Action {
			r.began[c] = len(r.history)
			if c.FD == unix.Stdout && c.Name == "write" && told != nil {
				told(c.Data)
			}
			return ptracer.Action{Kill: r.below(c.Path) != "" && k(c)}
		},
		Leave: func(c *ptracer.Call) {
			if c.Result >= 0 {
				r.done(c)
			}
			delete(r.began, c)
		},
	})
	if err != nil && !ptracer.Killed(err) {
		return fmt.Errorf("%v: %w: %s", cmd.Args, err, out.Bytes())
	}
	if r.err == nil {
		r.err = r.compare()
	}
	return errors.Join(r.err, err)
}

// compare makes sure that the recorder has missed nothing: a cut that leaves everything
// leaves what is there.
func (r *recorder) compare() error {
	for _, it := range r.now.disk.left(&cut{piece: 1 << 20, keeps: func(int) bool { return true }}) {
		at := filepath.Join(r.root, it.path)
		if it.isDir {
			continue
		}
		data, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		if !bytes.Equal(data, it.content.data) {
			return fmt.Errorf("%s is not as recorded: %d bytes, want %d", at, len(data), len(it.content.data))
		}
	}
	return filepath.WalkDir(r.root, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			_, err = r.now.disk.find(r.below(path))
		}
		return err
	})
}
