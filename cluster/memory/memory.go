// Package memory is a [cluster.Engine] in the memory of one process, for tests. Its contents can be
// set back, as by a backup.
//
// # Stability
//
// Until v1.0 a minor version may change the exported names; the CHANGELOG then lists the
// new ones.
package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/leasehold/leasehold/cluster"
)

// firstIndex is how long the log of new servers is before anything is written.
const firstIndex = 3

// An Engine keeps keys in memory. Use [New] to make one.
type Engine struct {
	mu       sync.Mutex
	entries  map[string]cluster.Entry
	revision int64
	index    int64 // the length of the log
	cluster  uint64
}

var _ cluster.Engine = (*Engine)(nil)

// New returns an empty engine, with the cluster ID 1.
func New() *Engine { return NewCluster(1) }

// NewCluster returns an empty engine with a cluster ID.
func NewCluster(id uint64) *Engine {
	return &Engine{entries: make(map[string]cluster.Entry), revision: 1, index: firstIndex, cluster: id}
}

// Commit implements [cluster.Engine].
func (e *Engine) Commit(_ context.Context, t cluster.Txn) (cluster.Outcome, error) {
	if err := check(t); err != nil {
		return cluster.Outcome{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	c := commit{engine: e}
	out := c.do(t, e.way(t))
	if writes(t) {
		e.index++ // Also if its conditions did not hold.
	}
	if c.wrote {
		e.revision++
	}
	out.Revision = e.revision
	return out, nil
}

// A way says which conditions of a Txn hold. All are about the moment before it.
type way struct {
	held   bool
	nested []way // for the operations that are done
}

func (e *Engine) way(t cluster.Txn) (w way) {
	w.held = !slices.ContainsFunc(t.If, func(c cluster.Condition) bool { return !e.holds(c) })
	for _, op := range branch(t, w) {
		var nested way
		if op.Kind == cluster.NestOp {
			nested = e.way(op.Txn)
		}
		w.nested = append(w.nested, nested)
	}
	return w
}

func (e *Engine) holds(c cluster.Condition) bool {
	entry := e.entries[c.Key]
	if c.Present {
		return entry.Revision != 0
	}
	return entry.Revision == c.Revision && (c.Value == nil || bytes.Equal(entry.Value, c.Value))
}

// branch returns the operations of t that are done.
func branch(t cluster.Txn, w way) []cluster.Op {
	if w.held {
		return t.Then
	}
	return t.Else
}

// A commit does a Txn.
type commit struct {
	engine *Engine
	wrote  bool
}

func (c *commit) do(t cluster.Txn, w way) cluster.Outcome {
	out := cluster.Outcome{Held: w.held}
	for i, op := range branch(t, w) {
		var r cluster.Result
		switch op.Kind {
		case cluster.GetOp:
			r.Entry = c.engine.entries[op.Key]
			r.Entry.Key = op.Key
		case cluster.PutOp:
			c.wrote = true
			c.engine.entries[op.Key] = cluster.Entry{Key: op.Key, Value: op.Value, Revision: c.engine.revision + 1}
		case cluster.DeleteOp:
			if _, ok := c.engine.entries[op.Key]; ok {
				c.wrote = true
				delete(c.engine.entries, op.Key)
			}
		case cluster.NestOp:
			r.Nested = c.do(op.Txn, w.nested[i])
		}
		out.Results = append(out.Results, r)
	}
	return out
}

// writes reports whether t has an operation that writes.
func writes(t cluster.Txn) bool {
	return slices.ContainsFunc(slices.Concat(t.Then, t.Else), func(op cluster.Op) bool {
		return op.Kind == cluster.PutOp || op.Kind == cluster.DeleteOp || op.Kind == cluster.NestOp && writes(op.Txn)
	})
}

// check returns an error unless etcd would take t, too.
func check(t cluster.Txn) error {
	if n := length(t); n > cluster.MaxOps {
		return fmt.Errorf("too many operations in a transaction: %d, want at most %d", n, cluster.MaxOps)
	}
	for _, ops := range [][]cluster.Op{t.Then, t.Else} {
		if err := checkOnce(ops, make(map[string]bool)); err != nil {
			return err
		}
	}
	return nil
}

// length counts the operations of t along the longest way.
func length(t cluster.Txn) int {
	longest := 0
	for _, op := range slices.Concat(t.Then, t.Else) {
		if op.Kind == cluster.NestOp {
			longest = max(longest, length(op.Txn))
		}
	}
	return max(len(t.If), len(t.Then), len(t.Else)) + longest
}

// checkOnce returns an error if a key is written twice.
func checkOnce(ops []cluster.Op, written map[string]bool) error {
	for _, op := range ops {
		switch op.Kind {
		case cluster.PutOp, cluster.DeleteOp:
			if written[op.Key] {
				return fmt.Errorf("key %s is written twice in a transaction", op.Key)
			}
			written[op.Key] = true
		case cluster.NestOp:
			then, otherwise := maps.Clone(written), maps.Clone(written)
			if err := errors.Join(checkOnce(op.Txn.Then, then), checkOnce(op.Txn.Else, otherwise)); err != nil {
				return err
			}
			maps.Copy(written, then)
			maps.Copy(written, otherwise)
		}
	}
	return nil
}

// Range implements [cluster.Engine]. What it returns is never stale.
func (e *Engine) Range(_ context.Context, from, to string, _ bool) ([]cluster.Entry, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []cluster.Entry
	for key, entry := range e.entries {
		if from <= key && key < to {
			found = append(found, entry)
		}
	}
	slices.SortFunc(found, func(a, b cluster.Entry) int { return strings.Compare(a.Key, b.Key) })
	return found, nil
}

// Origin implements [cluster.Engine].
func (e *Engine) Origin(context.Context) (cluster.Origin, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return cluster.Origin{Cluster: e.cluster, Offset: e.revision - e.index}, nil
}

// A Backup is what an engine had at one moment.
type Backup struct {
	entries  map[string]cluster.Entry
	revision int64
	index    int64
}

// Backup returns what the engine has.
func (e *Engine) Backup() Backup {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Backup{maps.Clone(e.entries), e.revision, e.index}
}

// SetBack sets the engine back with its log, as a disk that is set back does.
func (e *Engine) SetBack(b Backup) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.entries, e.revision, e.index = maps.Clone(b.entries), b.revision, b.index
}

// Restore sets the engine back, as restoring a snapshot of etcd does: it takes the cluster ID and
// the revision from the backup, and begins another log.
func (e *Engine) Restore(b Backup) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.entries, e.revision, e.index = maps.Clone(b.entries), b.revision, firstIndex
}
