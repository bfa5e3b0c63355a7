package storm

import (
	"context"
	"net/netip"

	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/hostlocal"
)

// A request is one request to a network.
type request struct {
	command string       // ADD, DEL, CHECK, GC, or LIST, which the plugin does not have
	id      string       // the container ID; empty for GC and LIST
	addrs   []netip.Addr // the prevResult of CHECK
	valid   []string     // the valid attachments of GC
}

// extraConfig returns the configuration keys that the request needs.
func (r request) extraConfig() map[string]any {
	switch r.command {
	case "CHECK":
		return faulttest.PrevResult(r.addrs)
	case "GC":
		return faulttest.Attachments(r.valid...)
	}
	return nil
}

// An answer is the result of a request.
type answer struct {
	addrs    []netip.Addr      // leased by an ADD
	held     faulttest.Holding // found by LIST, or released by DEL or GC if hasHeld is set
	hasHeld  bool              // held is valid; the plugin's GC and DEL do not report it
	code     uint              // of a CNI error; 0: it succeeded
	killed   bool              // killed without an answer
	servedAt int64             // when the store performed it, on the caller's clock; 0 if unknown
	err      error             // any error that must not happen
}

// Codes of expected answers. succeeded means no error.
const (
	succeeded uint = 0
	tryAgain  uint = 11
	exhausted      = hostlocal.CodeExhausted
	duplicate      = hostlocal.CodeDuplicate
	missing        = hostlocal.CodeMissing
)

// A performer performs a request.
type performer func(ctx context.Context, r request) answer
