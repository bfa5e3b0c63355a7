package storm

import (
	"context"
	"net/netip"

	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/hostlocal"
)

// A request is one thing to ask of a network.
type request struct {
	command string       // ADD, DEL, CHECK, GC or, which no plugin knows, LIST
	id      string       // of the container; empty for GC and LIST
	addrs   []netip.Addr // what CHECK is told that the container holds
	valid   []string     // the containers that GC is told of
}

// more returns what the configuration has besides.
func (r request) more() map[string]any {
	switch r.command {
	case "CHECK":
		return faulttest.PrevResult(r.addrs)
	case "GC":
		return faulttest.Attachments(r.valid...)
	}
	return nil
}

// An answer is what came of a request.
type answer struct {
	addrs  []netip.Addr      // what an ADD has leased
	held   faulttest.Holding // what LIST has found, or a DEL or GC that tells released
	tells  bool              // held is there: no plugin tells
	code   uint              // of a CNI error; 0: it succeeded
	killed bool              // without an answer
	acted  int64             // when the store was at work, by the clock of who asked; 0: not known
	err    error             // what is none of these, and must not happen
}

// Codes that are an answer to be expected.
const (
	succeeded uint = 0
	tryAgain  uint = 11
	exhausted      = hostlocal.CodeExhausted
	duplicate      = hostlocal.CodeDuplicate
	missing        = hostlocal.CodeMissing
)

// A performer does what is asked.
type performer func(ctx context.Context, r request) answer
