package manyhosts

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// blockSize is how many addresses a block of the space of a world has.
const blockSize = 4

// A holder is a container, as the model sees it. The zero holder is no container.
type holder struct{ host, id string }

// A held is who has each address of a block. The empty one is the state of each block in the beginning.
type held [blockSize]holder

// An action is what an operation does to a block.
type action int

const (
	leased   action = iota // an ADD has answered an address of it
	released               // a DEL has succeeded whose container had one
	listed                 // the stores of all hosts were read
)

// An operation is what a host did to a block, and was answered.
type operation struct {
	action
	holder
	addr   netip.Addr // or the first of the block, if it was listed
	listed held
}

// String describes the operation, for porcupine's picture of a history.
func (o operation) String() string {
	if o.action == listed {
		return fmt.Sprintf("%s: %v", o.addr, o.listed)
	}
	verb := map[action]string{leased: "ADD", released: "DEL"}[o.action]
	return fmt.Sprintf("%s %s on %s: %s", verb, o.id, o.host, o.addr)
}

// block returns the first address of the block that addr is in, and where in it addr is.
func block(addr netip.Addr) (first netip.Addr, at int) {
	bytes := addr.As4()
	at = int(bytes[3] % blockSize)
	bytes[3] -= byte(at)
	return netip.AddrFrom4(bytes), at
}

// step returns the state of a block after an operation; ok is false if that cannot have happened. An ADD
// answers a free address of a block that its host holds. No answer says which host holds a block, but all
// leases in it are of that host, so it can be with another one only once the last of them is released.
func (h held) step(o operation) (after held, ok bool) {
	_, at := block(o.addr)
	switch o.action {
	case leased:
		free := h[at] == holder{}
		mine := !slices.ContainsFunc(h[:], func(other holder) bool { return other != holder{} && other.host != o.host })
		h[at] = o.holder
		return h, free && mine
	case released:
		mine := h[at] == o.holder
		h[at] = holder{}
		return h, mine
	}
	return h, h == o.listed
}

// model is the space, of which each block is a part of its own.
func model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return held{} },
		Partition: func(all []porcupine.Operation) (parts [][]porcupine.Operation) {
			blocks := make(map[netip.Addr][]porcupine.Operation)
			for _, o := range all {
				first, _ := block(o.Input.(operation).addr)
				blocks[first] = append(blocks[first], o)
			}
			for _, part := range blocks {
				parts = append(parts, part)
			}
			return parts
		},
		Step: func(state, input, _ any) (bool, any) {
			after, ok := state.(held).step(input.(operation))
			return ok, after
		},
		DescribeOperation: func(input, _ any) string { return input.(operation).String() },
		DescribeState:     func(state any) string { return fmt.Sprint(state) },
	}
}

// A history is what all hosts of a world have answered, and when. Its clock advances at each beginning
// and each end of an operation. It is safe for concurrent use.
type history struct {
	mu         sync.Mutex
	now        int64
	operations []porcupine.Operation
}

// begin returns the time at which an operation begins.
func (h *history) begin() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	return h.now
}

// end records an operation that has ended.
func (h *history) end(began int64, o operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	h.operations = append(h.operations, porcupine.Operation{Input: o, Call: began, Return: h.now})
}

// check returns an error, with the path of a picture, unless there is an order of the operations, each
// at some moment between its beginning and its end, that explains all of them.
func (h *history) check() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	const limit = time.Minute
	result := porcupine.CheckOperationsTimeout(model(), h.operations, limit)
	if result == porcupine.Ok {
		return nil
	}
	f, err := os.CreateTemp("", "leasehold-history-*.html")
	if err != nil {
		return err
	}
	defer f.Close() // It is for people, beside the error.
	_, info := porcupine.CheckOperationsVerbose(model(), h.operations, limit)
	if err := porcupine.Visualize(model(), info, f); err != nil {
		return err
	}
	return fmt.Errorf("no order explains these %d operations (%s); see %s", len(h.operations), result, f.Name())
}

// list records what the stores of all hosts hold, while nothing else happens, and checks the history.
func (w *world) list() {
	w.t.Helper()
	blocks := make(map[netip.Addr]held)
	for first := netip.MustParseAddr("10.0.0.0"); first != netip.MustParseAddr("10.0.0.64"); {
		blocks[first] = held{}
		for range blockSize {
			first = first.Next()
		}
	}
	began := w.history.begin()
	for _, h := range w.hosts {
		_, leases := h.state()
		for _, l := range leases {
			first, at := block(l.Addr)
			now := blocks[first]
			now[at] = holder{h.name, l.Owner.ContainerID}
			blocks[first] = now
		}
	}
	for first, now := range blocks {
		w.history.end(began, operation{action: listed, addr: first, listed: now})
	}
	require.NoError(w.t, w.history.check())
}

// found records what a process of an ADD or DEL has done that was killed, by the store, in which it
// does no more.
func (h *host) found(began int64, id string) {
	h.t.Helper()
	_, leases := h.state()
	h.mu.Lock()
	defer h.mu.Unlock()
	of := fmt.Sprintf("%s of %s", id, h.name)
	i := slices.IndexFunc(leases, func(l backend.Lease) bool { return l.Owner.ContainerID == id })
	for addr, by := range h.used {
		if by == of && (i < 0 || leases[i].Addr != addr) {
			delete(h.used, addr)
			h.history.end(began, operation{released, holder{h.name, id}, addr, held{}})
		}
	}
	if i < 0 || h.used[leases[i].Addr] == of {
		return
	}
	if other := h.used[leases[i].Addr]; other != "" {
		h.t.Errorf("%s and %s have %s", of, other, leases[i].Addr)
	}
	h.used[leases[i].Addr] = of
	h.history.end(began, operation{leased, holder{h.name, id}, leases[i].Addr, held{}})
}

// A test of the model: histories by hand, whose lines are concurrent.
func TestModel(t *testing.T) {
	parse := func(text string) (o operation) {
		words := strings.Fields(text)
		o.addr = netip.MustParseAddr("10.0.0." + words[1])
		if words[0] == "LIST" {
			o.action = listed
			for i, who := range words[2:] {
				if host, id, ok := strings.Cut(who, "/"); ok {
					o.listed[i] = holder{host, id}
				}
			}
			return o
		}
		o.action = map[string]action{"ADD": leased, "DEL": released}[words[0]]
		o.host, o.id, _ = strings.Cut(words[2], "/")
		return o
	}
	for text, want := range map[string]bool{
		"ADD 8 a/1; ADD 9 a/2; LIST 8 a/1 a/2 - -":   true,
		"ADD 8 a/1; ADD 8 a/2":                       false,
		"ADD 8 a/1, ADD 8 a/2":                       false,
		"ADD 8 a/1, ADD 8 b/1":                       false,
		"ADD 8 a/1; ADD 9 b/1":                       false, // Two hosts hold one block.
		"ADD 8 a/1; ADD 12 b/1":                      true,
		"ADD 8 a/1; DEL 8 a/1; ADD 9 b/1":            true,
		"ADD 8 a/1; DEL 8 a/1, ADD 9 b/1":            true,
		"ADD 8 a/1; ADD 9 b/1; DEL 8 a/1":            false,
		"ADD 8 a/1; DEL 8 a/1, ADD 8 a/2, ADD 9 b/1": false,
		"ADD 8 a/1; DEL 8 a/1, ADD 9 b/1, DEL 9 b/1": true,
		"DEL 8 a/1":                                         false,
		"ADD 8 a/1; DEL 8 a/1; LIST 8 a/1 - - -":            false,
		"ADD 8 a/1; DEL 8 a/1; LIST 8 - - - -":              true,
		"ADD 8 a/1; LIST 8 - - - -":                         false,
		"ADD 8 a/1; DEL 8 a/1, LIST 8 - - - -":              true,
		"ADD 8 a/1; LIST 8 a/1 b/1 - -":                     false,
		"ADD 8 a/1; DEL 8 a/1; ADD 9 b/1; ADD 8 a/1":        false,
		"ADD 8 a/1; DEL 8 a/1; ADD 9 b/1; LIST 8 - b/1 - -": true,
	} {
		h := new(history)
		for group := range strings.SplitSeq(text, ";") {
			began := h.begin()
			var all []operation
			for one := range strings.SplitSeq(group, ",") {
				all = append(all, parse(one))
			}
			slices.SortFunc(all, func(a, b operation) int { return -cmp.Compare(a.action, b.action) })
			for _, o := range all {
				h.end(began, o)
			}
		}
		t.Setenv("TMPDIR", t.TempDir()) // For the pictures.
		require.Equal(t, want, h.check() == nil, text)
	}
}
