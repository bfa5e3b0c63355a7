package storm

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// A History is what some workers have done with one network, and when: by a clock that
// goes on with each beginning and each end.
type History struct {
	model      model
	operations []porcupine.Operation
	acted      []int64 // when a store was at work for an operation; 0: not known
}

// Len returns the number of operations.
func (h History) Len() int { return len(h.operations) }

// ErrUnknown says that it was not found out in time whether a history is linearizable.
var ErrUnknown = errors.New("it takes too long to find out whether the history is linearizable")

// Check returns an error unless there is an order of the operations in which a pool, which
// does one after the other, gives the same answers. The error then names a file with a
// picture of the history, to be looked at with a browser.
func (h History) Check(patience time.Duration) error {
	switch h.search(patience) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return ErrUnknown
	}
	path, err := h.draw(patience)
	return errors.Join(fmt.Errorf("no order explains these %d operations, %s; see %s",
		h.Len(), h.unordered(patience), path), err)
}

// search looks for an order. That takes for ever if many are at work at once, and is
// quick for few; so first it is looked for where it mostly is, with all of them at work
// for a shorter time than they were. An order that is found there is one.
func (h History) search(patience time.Duration) porcupine.CheckResult {
	m := h.model.porcupine()
	for behind := 4; behind < 2*h.Len(); behind *= 2 {
		if porcupine.CheckOperationsTimeout(m, h.narrowed(behind), patience/8) == porcupine.Ok {
			return porcupine.Ok
		}
	}
	return porcupine.CheckOperationsTimeout(m, h.operations, patience)
}

// narrowed returns the operations as if each had begun only when so many others had yet
// to end before it, or, where it is known when it was done, just then.
func (h History) narrowed(behind int) []porcupine.Operation {
	ends := make([]int64, 0, h.Len())
	for _, o := range h.operations {
		ends = append(ends, o.Return)
	}
	slices.Sort(ends)
	narrowed := slices.Clone(h.operations)
	for i := range narrowed {
		o := &narrowed[i]
		if h.acted[i] != 0 {
			o.Call, o.Return = h.acted[i], h.acted[i]
			continue
		}
		if before, _ := slices.BinarySearch(ends, o.Return); before > behind {
			o.Call = max(o.Call, ends[before-behind])
		}
	}
	return narrowed
}

// unordered says whether an order is found if an ADD may lease any address that is free.
func (h History) unordered(patience time.Duration) string {
	h.model.free = true
	switch h.search(patience) {
	case porcupine.Ok:
		return "because an ADD leased a free address whose turn it was not"
	case porcupine.Illegal:
		return "whatever free addresses ADDs may lease"
	}
	return "and it takes too long to find out if that is because of whose turn it was"
}

// draw writes the picture, with the longest parts of the history that can be explained.
func (h History) draw(patience time.Duration) (path string, err error) {
	f, err := os.CreateTemp("", "leasehold-history-*.html")
	if err != nil {
		return "", err
	}
	m := h.model.porcupine()
	_, info := porcupine.CheckOperationsVerbose(m, h.operations, patience)
	return f.Name(), errors.Join(porcupine.Visualize(m, info, f), f.Close())
}
