package storm

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// A History is a list of concurrent operations on one network, with the times of each start
// and end. The clock advances at every start and end.
type History struct {
	model      model
	operations []porcupine.Operation
	servedAt   []int64 // when the store performed each operation; 0 if unknown
}

// Len returns the number of operations.
func (h History) Len() int { return len(h.operations) }

// ErrUnknown means that the search did not finish in time.
var ErrUnknown = errors.New("the check for linearizability timed out")

// Check returns an error unless the history is linearizable. The error names an HTML file
// with a picture of the history.
func (h History) Check(timeLimit time.Duration) error {
	switch h.search(timeLimit) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return ErrUnknown
	}
	path, err := h.draw(timeLimit)
	return errors.Join(fmt.Errorf("no order explains these %d operations, %s; see %s",
		h.Len(), h.unordered(timeLimit), path), err)
}

// search looks for an order of the operations. The search takes time exponential in the
// number of concurrent operations, so it first tries histories in which each operation
// takes less time than it did. An order found there is valid for the original history.
func (h History) search(timeLimit time.Duration) porcupine.CheckResult {
	m := h.model.porcupine()
	for behind := 4; behind < 2*h.Len(); behind *= 2 {
		if porcupine.CheckOperationsTimeout(m, h.narrow(behind), timeLimit/8) == porcupine.Ok {
			return porcupine.Ok
		}
	}
	return porcupine.CheckOperationsTimeout(m, h.operations, timeLimit)
}

// narrow returns the operations with a later start: each starts when at most the given
// number of other operations end before it, or exactly when the store performed it if that
// is known.
func (h History) narrow(behind int) []porcupine.Operation {
	ends := make([]int64, 0, h.Len())
	for _, o := range h.operations {
		ends = append(ends, o.Return)
	}
	slices.Sort(ends)
	narrowed := slices.Clone(h.operations)
	for i := range narrowed {
		o := &narrowed[i]
		if h.servedAt[i] != 0 {
			o.Call, o.Return = h.servedAt[i], h.servedAt[i]
			continue
		}
		if before, _ := slices.BinarySearch(ends, o.Return); before > behind {
			o.Call = max(o.Call, ends[before-behind])
		}
	}
	return narrowed
}

// unordered explains a failure: is the history linearizable if an ADD may lease any free
// address?
func (h History) unordered(timeLimit time.Duration) string {
	h.model.anyFree = true
	switch h.search(timeLimit) {
	case porcupine.Ok:
		return "because an ADD leased a free address out of order"
	case porcupine.Illegal:
		return "whichever free addresses the ADDs lease"
	}
	return "and the check with any free address timed out"
}

// draw writes porcupine's picture with the longest linearizable parts of the history.
func (h History) draw(timeLimit time.Duration) (path string, err error) {
	f, err := os.CreateTemp("", "leasehold-history-*.html")
	if err != nil {
		return "", err
	}
	m := h.model.porcupine()
	_, info := porcupine.CheckOperationsVerbose(m, h.operations, timeLimit)
	return f.Name(), errors.Join(porcupine.Visualize(m, info, f), f.Close())
}
