package cluster

import (
	"context"
	"errors"
)

// An Engine keeps keys that several hosts read and write, linearizably: each call takes effect
// at one moment between its beginning and its end, in an order that is the same for all. It is
// safe for concurrent use.
type Engine interface {
	// Commit does t as a whole. After any error it may have been done, or be done later, even
	// after the process that called it has ended. The conditions of t must be such that it does
	// no harm if it is done twice.
	//
	// A Txn has at most [MaxOps] operations, and writes no key twice.
	Commit(ctx context.Context, t Txn) (Outcome, error)

	// Range returns the entries with keys from from on and before to, in ascending order, as
	// they were at one moment. If stale is true that moment can be earlier than the call, which
	// then need not ask all servers.
	Range(ctx context.Context, from, to string, stale bool) ([]Entry, error)

	// Origin describes the history in which the calls that have ended before have taken effect.
	Origin(ctx context.Context) (Origin, error)
}

// MaxOps is how many operations a [Txn] may have, counted along the longest way through its
// nested ones: etcd's default limit is 128 (--max-txn-ops).
const MaxOps = 128

// ErrUnknown: the engine did not answer in time. What was asked for may have been done.
var ErrUnknown = errors.New("it is not known whether the request was done")

// ErrNotNow: the engine has answered that it cannot do it now. It comes with ErrUnknown.
var ErrNotNow = errors.New("the servers were reached, and cannot do it now")

// ErrRejected: the engine does not do it, however often it is asked, until an operator has corrected
// something: its settings, or how it is reached.
var ErrRejected = errors.New("the servers reject it")

// An Origin tells the history of an engine from another, which begins when an engine is restored
// from a backup: what was written since is gone, and the hosts must not believe what is left.
type Origin struct {
	// Cluster is the ID of the servers. A restored engine can have the same.
	Cluster uint64

	// Offset is by how much the revision is ahead of the log that led to it. Each revision takes
	// an entry of the log, so it is not positive in a history that is whole; restoring keeps the
	// revision and begins another log. It never grows but by a restore.
	Offset int64
}

// accepted returns o as hosts may accept it. Servers that lag behind can show a revision that is lower
// than it was.
func (o Origin) accepted() Origin {
	o.Offset = max(0, o.Offset)
	return o
}

// An Entry is a key with its value.
type Entry struct {
	Key      string
	Value    []byte
	Revision int64 // of the commit that wrote it; 0: there is no such key
}

// A Txn does Then if all conditions hold, and otherwise Else.
type Txn struct {
	If         []Condition
	Then, Else []Op
}

// A Condition is about the latest commit that wrote a key.
type Condition struct {
	Key string

	// Revision is the revision of that commit; 0: the key is absent.
	Revision int64

	// Value, unless nil, is what that commit wrote. In an engine that was restored a revision can
	// occur once more, and then has another value.
	Value []byte

	// Present means that there is the key, whatever Revision says.
	Present bool
}

// At is the condition that a key is as it was in e, or still absent.
func At(e Entry) Condition {
	if e.Revision == 0 {
		return Absent(e.Key)
	}
	return Condition{Key: e.Key, Revision: e.Revision, Value: e.Value}
}

// Absent is the condition that there is no such key.
func Absent(key string) Condition { return Condition{Key: key} }

// Present is the condition that there is such a key.
func Present(key string) Condition { return Condition{Key: key, Present: true} }

// An Op is an operation of a [Txn]. Make one with [Get], [Put], [Delete] or [Nest].
type Op struct {
	Kind  OpKind
	Key   string
	Value []byte // of Put
	Txn   Txn    // of Nest
}

// An OpKind says what an [Op] does.
type OpKind int

// The kinds of operations.
const (
	GetOp OpKind = iota
	PutOp
	DeleteOp
	NestOp
)

// Get reads a key.
func Get(key string) Op { return Op{Kind: GetOp, Key: key} }

// Put writes a key.
func Put(key string, value []byte) Op { return Op{Kind: PutOp, Key: key, Value: value} }

// Delete removes a key. It need not be there.
func Delete(key string) Op { return Op{Kind: DeleteOp, Key: key} }

// Nest does a Txn inside another one. Its conditions, too, are about the moment before the whole.
func Nest(t Txn) Op { return Op{Kind: NestOp, Txn: t} }

// An Outcome is the result of a [Txn].
type Outcome struct {
	Held    bool     // whether the conditions held
	Results []Result // of the operations that were done, in order

	// Revision is the revision of the engine after the Txn, which Put gives to its entries.
	Revision int64
}

// A Result is the result of an [Op].
type Result struct {
	Entry  Entry   // of Get
	Nested Outcome // of Nest, without a Revision
}
