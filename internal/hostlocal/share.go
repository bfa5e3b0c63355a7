package hostlocal

import (
	"context"
	"errors"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/neighbour"
	"github.com/leasehold/leasehold/internal/stores"
)

// allocate leases addresses. If the network is shared with other hosts, and this host has none that
// it may lease, it gets more from them and tries again until the time is over: other ADDs can have
// taken what was got. No lock is held meanwhile.
func (p *Plugin) allocate(waiting *timeout, c *config.Config, r request) (got []allocator.Assignment, err error) {
	for pause := time.Duration(0); ; pause = min(max(firstPause, 2*pause), maxPause) {
		err = p.withAllocator(waiting, c, func(a *allocator.Allocator) (err error) {
			got, err = a.Allocate(waiting, allocator.Request{
				Owner: r.owner, Addrs: c.Requested, Pod: c.Pod, Netns: r.netns,
			})
			return err
		})
		if c.Cluster == "" || !canBeHad(err) {
			return got, err
		}
		if sleep(waiting, pause); waiting.Err() != nil {
			return got, err
		}
		if err := p.ask(waiting, c, r, neighbour.Claim, err); err != nil {
			return nil, err
		}
	}
}

// Pauses between two requests of one ADD, so that it does not keep the servers busy if what it gets does
// not help. The first request comes at once.
const (
	firstPause = 10 * time.Millisecond
	maxPause   = time.Second
)

// sleep returns after d, or when the time is over.
func sleep(waiting *timeout, d time.Duration) {
	if d == 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-waiting.Done():
	}
}

// canBeHad reports whether an error can end when this host asks the others.
func canBeHad(err error) bool {
	var (
		exhausted *allocator.ExhaustedError
		notHeld   *allocator.NotHeldError
		member    *allocator.MembershipError
	)
	switch {
	case errors.As(err, &exhausted):
		return exhausted.Shared
	case errors.As(err, &member):
		return member.Membership.Stopped == "" && member.Boot != "" // No confirmation is of an unknown boot.
	}
	return errors.As(err, &notHeld)
}

// ask asks the other hosts, because of an error of the allocator. The error of a request that
// failed begins with that one, because people search for its words.
func (p *Plugin) ask(ctx context.Context, c *config.Config, r request, command string, because error) error {
	err := p.Neighbour.Ask(ctx, neighbour.Request{Command: command, Network: c.Name, Args: r.args, Config: r.stdin})
	if err == nil {
		return nil
	}
	text := err.Error()
	if because != nil {
		text = because.Error() + ": " + text
	}
	code, details := classifyNeighbour(err)
	return &answer{code, text, details}
}

// classifyNeighbour returns the code of an error of [neighbour.Neighbour.Ask], and the next step.
func classifyNeighbour(err error) (code uint, details string) {
	var (
		said   *neighbour.Answer
		killed *neighbour.KilledError
		silent *neighbour.SilentError
		errno  syscall.Errno
	)
	errors.As(err, &errno)
	switch {
	case errors.As(err, &said):
		return said.Code, said.Details
	case errors.Is(err, neighbour.ErrNotInstalled):
		return codeIO, `install it on each host whose networks have "cluster" in ipam`
	case errors.Is(err, os.ErrDeadlineExceeded):
		return CodeTryAgain, `"lockTimeout" in ipam says how long to wait for other hosts, too`
	case errors.As(err, &killed):
		return CodeTryAgain, "what it had begun, the next ADD finishes; if that was not you, look in the kernel log for the OOM killer"
	case errors.As(err, &silent):
		return codeIO, "it has written the reason to its standard error, which is in the log of the runtime"
	case slices.Contains([]syscall.Errno{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE}, errno):
		return CodeTryAgain, "this host is out of memory, processes or file descriptors"
	case errno != 0:
		return codeIO, "look at that file: it is to be the " + neighbour.Program + " of the version and architecture of the plugin, which root may execute"
	}
	return codeIO, "it is to be of the version of the plugin; install both again"
}

// readyWithOthers returns an error if the network is shared and no ADD can be served because this host
// was not confirmed in this boot, and the other hosts are not reached. err is what this host has found
// by itself. That it has no address left is a reason to fail only if the configuration says so, and
// no more can be had.
func (p *Plugin) readyWithOthers(waiting *timeout, c *config.Config, r request, err error) error {
	if c.Cluster == "" || err != nil && !canBeHad(err) {
		return err
	}
	attested, viewErr := isAttested(waiting, c)
	if viewErr != nil {
		return viewErr
	}
	if !attested {
		if err := p.ask(waiting, c, r, neighbour.Attest, nil); err != nil {
			return err
		}
	}
	if exhausted := (*allocator.ExhaustedError)(nil); errors.As(err, &exhausted) && c.ExhaustedFails {
		return p.ask(waiting, c, r, neighbour.Claim, err)
	}
	return nil
}

// isAttested reports whether this host may lease what it holds.
func isAttested(ctx context.Context, c *config.Config) (attested bool, err error) {
	store, _, err := stores.Open(c.Path(), c.Backend)
	if err != nil {
		return false, err
	}
	err = store.View(ctx, func(tx backend.ReadTx) error {
		m, err := tx.Membership()
		attested = m.Space == c.Space && m.Attested != "" && m.Attested == boot.Current().ID
		return err
	})
	return attested, err
}
