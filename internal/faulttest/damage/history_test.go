package damage

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// remembers reports whether a page has only what a store remembers, and no leases.
func remembers(part string) bool {
	name, _, _ := strings.Cut(part, ",")
	switch name {
	case "history", "latest", "pods", "cooling", "queue":
		return true
	}
	return false
}

// A container can be deleted whatever has become of the history and of what cools. The damage is there
// afterwards, for verify.
func TestDELWorksThoughTheHistoryIsDamaged(t *testing.T) {
	faulttest.System(t)
	o := newOriginal(t, large().With("reuseAfter", "1h").With("prefer", "pod"), 4)
	random := rand.New(rand.NewPCG(faulttest.Seed(t), 0))
	changes := map[string]func(p []byte){
		"zeroed":  func(p []byte) { clear(p) },
		"garbage": func(p []byte) { rubbish(random, p) },
		"flipped": func(p []byte) { flip(random, p) },
	}
	stores := func(yield func(damagedStore) bool) {
		for id, part := range o.parts {
			if !remembers(part) {
				continue
			}
			for what, change := range changes {
				image := bytes.Clone(o.image)
				change(o.written(image, id))
				if !yield(damagedStore{original: o, name: part + ", " + what, image: image, seed: uint64(id)}) {
					return
				}
			}
		}
	}
	dir := faulttest.Dir(t)
	var found atomic.Int32
	workers(t, stores, func(w *worker, tr damagedStore) {
		tr.net = o.net
		tr.net.Dir = filepath.Join(dir, strconv.Itoa(w.number))
		if err := errors.Join(os.RemoveAll(tr.net.Dir), os.MkdirAll(tr.net.Dir, 0o755), tr.write()); err != nil {
			t.Error(err)
			return
		}
		before, err := w.do(request{Net: tr.net, Command: verify})
		for _, id := range tr.ids()[:3] {
			var a answer
			if err == nil {
				a, err = w.do(request{Net: tr.net, Command: "DEL", ID: id})
			}
			if err != nil || a.Code != 0 {
				t.Errorf("%s, page %d: DEL: code %d, %v, %s", tr.name, tr.seed, a.Code, err, a.Err)
				return
			}
		}
		for i, id := range tr.ids() {
			a, err := w.do(request{tr.net, "CHECK", id, faulttest.PrevResult(tr.addrsOf(id))})
			if held := a.Code == 0; err != nil || held != (i >= 3) {
				t.Errorf("%s, page %d: container %d holds its addresses: %t, %v", tr.name, tr.seed, i, held, err)
			}
		}
		after, err := w.do(request{Net: tr.net, Command: verify})
		if err != nil || before.Err != "" && after.Err == "" {
			t.Errorf("%s, page %d: verify finds nothing any more, before %s, %v", tr.name, tr.seed, before.Err, err)
		}
		if before.Err != "" {
			found.Add(1)
		}
	})
	require.NotZero(t, found.Load(), "no damage was done")
	t.Logf("%d damaged files", found.Load())
}
