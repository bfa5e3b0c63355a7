package hostlocal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/stores"
)

// Error codes of this plugin. Codes from 100 on are plugin-specific (CNI SPEC, section 5,
// error); lower ones are the same for all plugins.
const (
	CodeExhausted  uint = 100 // a range set has no address left
	CodeTaken      uint = 101 // a requested address is leased to another
	CodeDuplicate  uint = 102 // the attachment has an address already
	CodeMismatch   uint = 103 // the store at the path is of the other kind, was replaced, or is a dangling link
	CodeDamaged    uint = 104 // the store is damaged
	CodeMissing    uint = 105 // CHECK: an address is not leased to the container
	CodeImpossible uint = 106 // a requested address can never be leased
	CodeNotMember  uint = 107 // the store is shared with other hosts, and this one may not lease from it
)

// answerTo returns the CNI error that the plugin writes for a failed command.
func answerTo(err error, command string, of subject) *answer {
	e := explain(err, of)
	if command == "DEL" {
		e = &answer{e.Code, withoutSwallowed(e.Msg), withoutSwallowed(e.Details)}
	}
	return e
}

// withoutSwallowed rewrites the phrases by which go-cni, and so containerd, takes a failing
// DEL for success (v1.1.15, Remove in cni.go): the lease would stay, and the DEL would not be
// repeated. The kernel, bbolt, paths and configurations contain them too, so choosing our own
// words is not enough.
func withoutSwallowed(text string) string {
	return strings.NewReplacer("not found", "not-found", "no such file or directory", "missing file or directory").Replace(text)
}

// explain gives an error its CNI code and, as details, the next step for the network.
func explain(err error, of subject) *answer {
	if e := (*answer)(nil); errors.As(err, &e) {
		return e
	}
	code, details := classify(err, of)
	return &answer{code, err.Error(), details}
}

// Explain returns the CNI code of an error, and the next step, for a program that answers in the
// plugin's place. network has the arguments that name the network to the operator's tool: its name,
// and flags after it.
func Explain(err error, network string) (code uint, details string) {
	name, flags, more := strings.Cut(network, " ")
	if more {
		flags = " " + flags
	}
	return classify(err, subject{name, flags})
}

func classify(err error, of subject) (code uint, details string) {
	var (
		exhausted  *allocator.ExhaustedError
		taken      *allocator.TakenError
		duplicate  *allocator.DuplicateError
		request    *allocator.RequestError
		missing    *allocator.MissingError
		notHeld    *allocator.NotHeldError
		member     *allocator.MembershipError
		mismatch   *stores.MismatchError
		dangling   *exchange.LinkError
		resolvConf *resolvConfError
	)
	switch {
	case errors.As(err, &exhausted):
		return CodeExhausted, adviseExhausted(exhausted, of.String())
	case errors.As(err, &taken):
		return CodeTaken, adviseTaken(taken, of)
	case errors.As(err, &notHeld):
		return CodeTaken, fmt.Sprintf("to see which host holds it, run: leasehold cluster who %s %s", of, notHeld.Addr)
	case errors.As(err, &member):
		return CodeNotMember, adviseMember(member, of.String())
	case errors.As(err, &duplicate):
		return CodeDuplicate, adviseDuplicate(duplicate)
	case errors.As(err, &request):
		return CodeImpossible, "to see the ranges, and which of their addresses are free, run: leasehold map " + of.String()
	case errors.As(err, &missing):
		return CodeMissing, "the container has to be made again; to see what the network has leased, run: leasehold list " + of.String()
	case errors.As(err, &resolvConf):
		return codeIO, `correct "resolvConf" in ipam, or remove it: every ADD reads that file`
	case errors.As(err, &dangling):
		return CodeMismatch, dangling.Advice()
	case errors.As(err, &mismatch):
		return CodeMismatch, mismatch.Advice()
	}
	return classifyStore(err, of)
}

// adviseTaken says what to do about a requested address that is taken.
func adviseTaken(e *allocator.TakenError, of subject) string {
	if _, ok := files.Foreign(e.Holder); ok {
		return "no container holds it; to see which file is in the way, run: leasehold verify " + of.String()
	}
	return "to see who holds it, run: leasehold who " + e.Addr.String() + of.flags
}

// adviseExhausted says what to do about a range set without an address. Where addresses are only
// withheld, it says so: no lease need be wrong.
func adviseExhausted(e *allocator.ExhaustedError, network string) string {
	next := "to see what fills the range set, run: leasehold why-full " + network
	if e.Cool.IsZero() {
		return next
	}
	return `"reuseAfterStrict" in ipam withholds released addresses for as long as "reuseAfter" says; ` + next
}

// adviseMember says what to do on a host that may not lease from a shared store.
func adviseMember(e *allocator.MembershipError, network string) string {
	if e.Membership.Stopped != "" {
		return AdviseStopped(network)
	}
	return "to have the other hosts confirm what this one holds, run: leasehold cluster attest " + network
}

// AdviseStopped says what to do on a host that was evicted or copied.
func AdviseStopped(network string) string {
	return "with its leases, if no other host holds them: leasehold cluster rejoin " + network +
		"; without: leasehold cluster rejoin --drop " + network +
		`; a copy of another host first needs a name of its own, "host" in the file of the cluster`
}

// adviseDuplicate says what to do about an attachment that already has an address.
// onDuplicate does not help if it asks for another address.
func adviseDuplicate(e *allocator.DuplicateError) string {
	if e.Requested.IsValid() {
		return fmt.Sprintf("the attachment asks for %s but has %s: run DEL for it first, or request no address", e.Requested, e.Addr)
	}
	return `run DEL for this attachment first; "onDuplicate": "return" in ipam returns the existing address`
}

// classifyStore is classify for errors that are not about addresses.
func classifyStore(err error, of subject) (code uint, details string) {
	var (
		path  *fs.PathError
		link  *os.LinkError
		errno syscall.Errno
	)
	onDisk := stores.DiskAdvice(err, "leasehold verify "+of.String())
	switch {
	case errors.Is(err, config.ErrDecode):
		return codeDecoding, ""
	case errors.Is(err, config.ErrInvalid):
		return CodeConfig, ""
	case errors.Is(err, config.ErrArgs):
		return codeEnvironment, ""
	case errors.Is(err, errAbandoned):
		return CodeTryAgain, ""
	case errors.Is(err, backend.ErrBusy):
		return CodeTryAgain, `another plugin holds the lock of this network; "lockTimeout" in ipam says how long to wait`
	case errors.Is(err, backend.ErrReplaced):
		return CodeMismatch, "a migration or a repair replaced this store, but this path still leads to the old one: " +
			"mount the data directory instead of the network's own directory or file, or restart the container that has the old mount; " +
			"if a migration was killed and .leasehold was removed since, this store is the only one and has all leases: " +
			"then, or if the store was put back on purpose, or made read-only by chmod, run: leasehold verify --repair --accept-loss " + of.String()
	case errors.Is(err, backend.ErrFormat):
		return CodeDamaged, "use the version of leasehold that wrote the store, or a later one"
	case errors.Is(err, files.ErrForeign):
		return CodeDamaged, "" // It has the next step.
	case errors.Is(err, backend.ErrDamaged):
		return CodeDamaged, "to see what is wrong, run: leasehold verify " + of.String() + "; to repair it: leasehold verify --repair " + of.String()
	case errors.Is(err, backend.ErrOtherStore):
		return CodeMismatch, "a store is a directory (files) or a regular file (bolt)"
	case errors.Is(err, exchange.ErrNotFollowed):
		return codeIO, "" // It has the next step.
	case onDisk != "":
		return codeIO, onDisk
	case errors.Is(err, errUndelivered):
		return codeIO, "the runtime has to read the standard output of the plugin, and to keep it open until the plugin ends"
	case errors.Is(err, fs.ErrPermission):
		return codeIO, "run the plugin as root, or as the owner of that file; if root lacks permission too, check its capabilities, the mount options of the file system, lsattr, and the logs of SELinux or AppArmor"
	case errors.As(err, &path), errors.As(err, &link), errors.As(err, &errno):
		return codeIO, "look at that file and its file system, and at the kernel log"
	}
	return codeInternal, ""
}
