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

// A recorder records the history of a directory.
type recorder struct {
	network  faulttest.Network // its directory is below root
	programs faulttest.Programs
	root     string
	vault    string // directory with a link to each file that ever existed
	inodes   int    // number of files so far

	history history
	marked  map[int]bool          // inodes that are marked as replaced
	began   map[*ptracer.Call]int // number of events before the call
	now     *moment               // after all events
	err     error                 // the first error
}

// newRecorder starts with the content of root, which counts as synced.
func newRecorder(n faulttest.Network, p faulttest.Programs, root, vault string) (*recorder, error) {
	r := &recorder{
		network: n, programs: p, root: root, vault: vault,
		began: map[*ptracer.Call]int{}, marked: map[int]bool{}, now: newMoment(),
	}
	r.append(r.scan()...)
	r.append(allSynced{len(r.history)})
	return r, r.err
}

// scan returns the events that create the content of root.
func (r *recorder) scan() (found []event) {
	r.failed(filepath.WalkDir(r.root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == r.root {
			return err
		}
		if e.IsDir() {
			found = append(found, mkdir{r.relPath(path)})
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found = append(found, r.keep(path), write{path: r.relPath(path), data: data, modified: r.modified(r.inodes)})
		return nil
	}))
	return found
}

// append adds events to the history.
func (r *recorder) append(events ...event) {
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

// keep links a file into the vault.
func (r *recorder) keep(path string) create {
	r.inodes++
	r.failed(os.Link(path, inVault(r.vault, r.inodes)))
	return create{r.relPath(path), r.inodes, r.modified(r.inodes)}
}

// relPath returns a path relative to root, or "" if it is not below root or belongs to a
// deleted file.
func (r *recorder) relPath(path string) string {
	rel, err := filepath.Rel(r.root, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") || strings.HasSuffix(path, " (deleted)") {
		return ""
	}
	return rel
}

// run runs a process to its end, or kills it at a call on a file below root. It calls told
// with each write to standard output, before the write happens.
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
			return ptracer.Action{Kill: r.relPath(c.Path) != "" && k(c)}
		},
		Leave: func(c *ptracer.Call) {
			if c.Result >= 0 {
				r.record(c)
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

// compare checks that nothing was missed: a cut that loses nothing must leave exactly the
// files that exist.
func (r *recorder) compare() error {
	for _, it := range r.now.disk.imageAfter(&cut{piece: 1 << 20, keeps: func(int) bool { return true }}) {
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
			_, err = r.now.disk.find(r.relPath(path))
		}
		return err
	})
}
