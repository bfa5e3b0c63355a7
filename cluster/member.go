package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"time"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// An Identity is the machine and the boot that a process runs on.
type Identity struct {
	Boot    string // of the machine
	Machine string // a fingerprint that a copy on another machine does not have

	// For people, as in a [HostRecord].
	Address, Ranges, Program string
}

// Options configure a [Member].
type Options struct {
	Identity

	// Prefix is the beginning of all keys, for instance /leasehold.
	Prefix string

	// Now is the clock, for people; nil means [time.Now].
	Now func() time.Time

	// Random returns a random number below n, and NewMark a random mark; nil means
	// package crypto/rand.
	Random  func(n uint64) uint64
	NewMark func() backend.Mark

	// Cooldown keeps blocks from being given back whose addresses it withholds: other hosts do not know when they
	// were released.
	Cooldown allocator.Cooldown

	// Cache, unless nil, keeps what this host has last seen of the engine.
	Cache Cache
}

// A Member is this host in a space: a store, and the engine by which it agrees with the other
// hosts. It holds no lock while it waits for the engine. It is safe for concurrent use, also by
// several processes with one store.
type Member struct {
	store  backend.Store
	engine Engine
	opts   Options
}

// NewMember returns the member whose membership is in store, or is to be put there by
// [Member.Join].
func NewMember(store backend.Store, engine Engine, o Options) *Member {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = randomBelow
	}
	if o.NewMark == nil {
		o.NewMark = randomMark
	}
	return &Member{store, engine, o}
}

func randomBelow(n uint64) uint64 {
	i, err := rand.Int(rand.Reader, new(big.Int).SetUint64(n))
	if err != nil {
		panic(err) // crypto/rand never returns an error.
	}
	return i.Uint64()
}

func randomMark() (m backend.Mark) {
	rand.Read(m[:]) // It never returns an error.
	return m
}

// The actions of an [backend.Intent].
const (
	joining   = "join"
	adopting  = "adopt"
	attesting = "attest"
	claiming  = "claim"
	releasing = "release"
)

// errChanged: the membership has changed since it was read; the caller looks again.
var errChanged = errors.New("the membership has changed")

// maxAttempts is how often a request is begun again because another process of this host was
// faster. Each time one of them has got further.
const maxAttempts = 64

// resolve brings the store and the engine into step: a request that may be under way is sent
// again until it is known what became of it. It returns the membership, which has no intent, and
// what the engine had when it had none.
func (m *Member) resolve(ctx context.Context) (backend.Membership, view, error) {
	for range maxAttempts {
		local, err := m.membership(ctx)
		if err != nil {
			return local, view{}, err
		}
		v, err := m.look(ctx, local)
		if err == nil {
			err = m.judge(ctx, local, v)
		}
		if err == nil && local.Intent == (backend.Intent{}) {
			return local, v, nil
		}
		if err == nil {
			err = m.resume(ctx, local, v)
		}
		if err != nil && !errors.Is(err, errChanged) {
			return local, v, err
		}
	}
	return backend.Membership{}, view{}, errBehind()
}

func errBehind() error {
	return fmt.Errorf("%w: other processes of this host were faster, again and again", backend.ErrBusy)
}

// recorded returns the membership of the store.
func (m *Member) recorded(ctx context.Context) (local backend.Membership, err error) {
	err = m.store.View(ctx, func(tx backend.ReadTx) error {
		local, err = tx.Membership()
		return err
	})
	if err == nil && local.IsZero() {
		err = ErrNotMember
	}
	return local, err
}

// membership returns the membership of a store that is not stopped.
func (m *Member) membership(ctx context.Context) (backend.Membership, error) {
	local, err := m.recorded(ctx)
	if err == nil && local.Stopped != "" {
		err = stopped(local.Stopped)
	}
	return local, err
}

// judge returns an error if the host may not go on. Its order matters: of a history that is not
// whole nothing else can be believed, but that a host is to stop, which is safe in any case. A host
// that was evicted must not halt the others when it is switched on after their recovery.
func (m *Member) judge(ctx context.Context, local backend.Membership, v view) error {
	known := v.host.Revision != 0 && v.record.incarnation() == local.Incarnation
	switch {
	case v.halt != nil && v.halt.isRecovering(v.origin):
		return m.recover(ctx, local, v)
	case v.halt != nil:
		return halted(*v.halt)
	case known && v.record.Evicted, !known && !isEntering(local) && local.Attested != m.opts.Boot:
		return m.stop(ctx, local, v.notMember(local))
	case !v.isWhole(local):
		return m.halt(ctx, local, v, restoredText)
	case known && v.record.Sequence < local.Sequence && v.config.Recovery > local.Seen.Recovery:
		return m.stop(ctx, local, stoppedClone) // Another one has reported as this host.
	case known && v.record.Sequence < local.Sequence:
		return m.halt(ctx, local, v, restoredText)
	case isEntering(local) && !known:
		return m.checkName(ctx, local, v)
	case !known:
		return m.stop(ctx, local, v.notMember(local))
	case v.record.Sequence > local.Sequence && !isDone(local, v.record):
		return m.stop(ctx, local, stoppedClone)
	}
	return nil
}

// isEntering reports whether the engine may have no record of the host yet.
func isEntering(local backend.Membership) bool {
	return local.Intent.Action == joining || local.Intent.Action == adopting
}

// isDone reports whether the engine has done the request that is under way.
func isDone(local backend.Membership, record HostRecord) bool {
	return record.Sequence == local.Sequence+1 && local.Intent != (backend.Intent{}) &&
		parseMark(record.Mark) == local.Intent.Mark
}

// isWhole reports whether the history has all that the hosts have written. What a host has seen before the last
// recovery does not count: the recovery was about what is missing of that. A recovery that these servers do not
// know was made on others, which were in use instead of them.
func (v view) isWhole(local backend.Membership) bool {
	switch {
	case !v.config.accepts(v.origin), local.Seen.Recovery > v.config.Recovery:
		return false
	case local.Seen.Recovery < v.config.Recovery:
		return true
	}
	return local.Seen.Cluster != v.config.Accepted.Cluster || local.Seen.Revision <= v.revision
}

// restoredText is why a space is halted whose servers have lost something.
const restoredText = "the servers were restored from a backup, or replaced: what hosts have done since is gone"

// halt halts the space, unless it was recovered since v was seen.
func (m *Member) halt(ctx context.Context, local backend.Membership, v view, why string) error {
	k, record := m.keys(local), HaltRecord{V: Version, By: local.Host, Text: why}
	_, err := m.engine.Commit(ctx, Txn{
		If:   []Condition{Absent(k.halt()), At(v.agreed)},
		Then: []Op{Put(k.halt(), encode(record))},
	})
	return errors.Join(halted(record), err)
}

// stop records that this host may not go on, unless its membership has changed.
func (m *Member) stop(ctx context.Context, local backend.Membership, reason string) error {
	err := m.update(ctx, local, func(_ backend.SharedTx, next *backend.Membership) error {
		next.Stopped = reason
		return nil
	})
	if err != nil {
		return err
	}
	return stopped(reason)
}

// update changes what the store shares, in one transaction, or returns errChanged if that is not
// the same as before any more.
func (m *Member) update(ctx context.Context, before backend.Membership, change func(tx backend.SharedTx, next *backend.Membership) error) error {
	return m.store.Update(ctx, func(tx backend.Tx) error {
		shared, err := backend.AsShared(tx)
		if err != nil {
			return err
		}
		next, err := tx.Membership()
		if err != nil {
			return err
		}
		if next != before {
			return errChanged
		}
		if err := change(shared, &next); err != nil {
			return err
		}
		return shared.SetMembership(next)
	})
}

// decide records what the host is about to ask for, and then asks: whatever happens to the process
// or to the answer, the same request can be sent again. prepare changes blocks, which get the mark, and
// returns them as they are then. local and v are what resolve has returned.
//
// It returns the blocks that it asked for, and those that it got.
func (m *Member) decide(ctx context.Context, local backend.Membership, v view, action string, prepare preparation) (asked, got []backend.Block, err error) {
	before := local
	local.Intent = backend.Intent{Action: action, Mark: m.opts.NewMark(), Boot: m.opts.Boot}
	err = m.update(ctx, before, func(tx backend.SharedTx, next *backend.Membership) (err error) {
		*next = local
		asked, err = prepare(tx, local.Intent.Mark)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	got, err = m.pursue(ctx, local, v, asked)
	if errors.Is(err, errChanged) {
		if _, _, err = m.resolve(ctx); err == nil {
			got, err = m.open(ctx, local.Intent.Mark)
		}
	}
	return asked, got, err
}

// A preparation changes the blocks that a request concerns.
type preparation func(tx backend.SharedTx, mark backend.Mark) ([]backend.Block, error)

// noBlocks prepares a request that concerns no block.
func noBlocks(backend.SharedTx, backend.Mark) ([]backend.Block, error) { return nil, nil }

// open returns the open blocks that the request with the mark has got.
func (m *Member) open(ctx context.Context, mark backend.Mark) (got []backend.Block, err error) {
	err = m.store.View(ctx, func(tx backend.ReadTx) error {
		got, err = marked(tx, mark)
		got = slices.DeleteFunc(got, func(b backend.Block) bool { return b.State != backend.Open })
		return err
	})
	return got, err
}

// resume is pursue for a request that a process has left under way.
func (m *Member) resume(ctx context.Context, local backend.Membership, v view) error {
	if local.Intent.Action == adopting {
		return m.report(ctx, local, v)
	}
	blocks, err := m.concerned(ctx, local)
	if err == nil {
		_, err = m.pursue(ctx, local, v, blocks)
	}
	return err
}

// pursue sends the request that is under way, unless the engine has done it already, and records
// what became of it. It returns the blocks that it has got.
func (m *Member) pursue(ctx context.Context, local backend.Membership, v view, blocks []backend.Block) ([]backend.Block, error) {
	txn := m.request(local, v, blocks)
	if isDone(local, v.record) {
		txn = m.inquiry(local, v, blocks)
	}
	out, err := m.engine.Commit(ctx, txn)
	if err != nil {
		return nil, err
	}
	if !out.Held {
		return nil, errChanged // Another process of this host has sent it, or this host was evicted.
	}
	// Only what is asked now says that this was not done in a history that has lost grants.
	v.revision = out.Revision
	if v.origin, err = m.engine.Origin(ctx); err != nil {
		return nil, err
	}
	if !v.isWhole(local) {
		return nil, m.halt(ctx, local, v, "the servers were restored from a backup while this host made a request")
	}
	if !isDone(local, v.record) {
		v.host = Entry{Key: txn.Then[0].Key, Value: txn.Then[0].Value, Revision: out.Revision}
	}
	return m.finish(ctx, local, v, blocks, granted(local, out, len(txn.Then)-len(blocks)))
}

// concerned returns the blocks that the request under way concerns.
func (m *Member) concerned(ctx context.Context, local backend.Membership) (blocks []backend.Block, err error) {
	err = m.store.View(ctx, func(tx backend.ReadTx) error {
		if now, err := tx.Membership(); err != nil || now != local {
			return errors.Join(err, errChanged)
		}
		blocks, err = marked(tx, local.Intent.Mark)
		return err
	})
	return blocks, err
}

// marked returns the blocks with a mark.
func marked(tx backend.ReadTx, mark backend.Mark) (blocks []backend.Block, err error) {
	for b, err := range tx.Blocks(netip.Addr{}) {
		if err != nil {
			return nil, err
		}
		if b.Mark == mark {
			blocks = append(blocks, b)
		}
	}
	return blocks, nil
}

// request is the request under way. It is done only if the record of the host is as it was seen,
// and so at most once; each block is a nested Txn, so that one that is lost to another host costs
// no other.
func (m *Member) request(local backend.Membership, v view, blocks []backend.Block) Txn {
	k, record := m.keys(local), HostRecord{
		V: Version, Incarnation: local.Incarnation.String(), Sequence: local.Sequence + 1,
		Mark: local.Intent.Mark.String(), Boot: local.Attested, Machine: local.Machine,
		Address: m.opts.Address, Ranges: m.opts.Ranges, Program: m.opts.Program,
	}
	if local.Intent.Action == joining || local.Intent.Action == attesting {
		record.Boot = local.Intent.Boot
	}
	host := v.host
	host.Key = k.host(local.Host)
	t := Txn{
		If:   []Condition{At(host), Absent(k.halt()), At(v.agreed)},
		Then: []Op{Put(host.Key, encode(record))},
	}
	value := encode(BlockRecord{V: Version, Host: local.Host, Incarnation: record.Incarnation, Mark: record.Mark})
	for _, b := range blocks {
		block, of := k.block(b.First), k.of(local.Host, local.Incarnation, b.First)
		if b.State == backend.Requested {
			t.Then = append(t.Then, Nest(Txn{
				If: []Condition{Absent(block)}, Then: []Op{Put(block, value), Put(of, nil)},
			}))
		} else {
			t.Then = append(t.Then, Nest(Txn{
				If: []Condition{Present(of)}, Then: []Op{Delete(block), Delete(of)},
			}))
		}
	}
	return t
}

// inquiry asks what was granted by a request that is done.
func (m *Member) inquiry(local backend.Membership, v view, blocks []backend.Block) Txn {
	k := m.keys(local)
	t := Txn{If: []Condition{At(v.host), Absent(k.halt())}}
	for _, b := range blocks {
		t.Then = append(t.Then, Get(k.block(b.First)))
	}
	return t
}

// granted says of each block whether the request under way has got it. The results for blocks
// begin at first.
func granted(local backend.Membership, out Outcome, first int) []bool {
	got := make([]bool, 0, len(out.Results))
	for _, r := range out.Results[first:] {
		var b BlockRecord
		of := r.Entry.Revision != 0 && decode(r.Entry, &b, &b.V) == nil &&
			parseMark(b.Incarnation) == local.Incarnation && parseMark(b.Mark) == local.Intent.Mark
		got = append(got, of || r.Nested.Held)
	}
	return got
}

// finish records what became of the request, and so makes the blocks usable that it has got. It returns these.
func (m *Member) finish(ctx context.Context, local backend.Membership, v view, blocks []backend.Block, granted []bool) (got []backend.Block, err error) {
	var after backend.Membership
	err = m.update(ctx, local, func(tx backend.SharedTx, next *backend.Membership) error {
		got = nil
		for i, b := range blocks {
			var err error
			if b.State == backend.Requested && granted[i] {
				b.State = backend.Open
				got = append(got, b)
				err = tx.PutBlock(b)
			} else {
				err = tx.DeleteBlock(b.First)
			}
			if err != nil {
				return err
			}
		}
		if a := local.Intent.Action; a == joining || a == attesting {
			next.Attested = local.Intent.Boot
		}
		next.Sequence++
		next.Intent = backend.Intent{}
		next.Seen = m.sighting(v, v.config.Recovery)
		after = *next
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.remember(after, v)
	return got, nil
}

// sighting is what the host records of v.
func (m *Member) sighting(v view, recovery uint64) backend.Sighting {
	return backend.Sighting{
		Cluster: v.origin.Cluster, Revision: v.revision, At: m.opts.Now().Unix(), Recovery: recovery, Space: parseMark(v.config.ID),
	}
}

func (m *Member) keys(local backend.Membership) keys { return keysOf(m.opts.Prefix, local.Space) }
