// Package enginetest is the contract of [cluster.Engine] in executable form. Every engine passes it.
//
//	func TestEngine(t *testing.T) { enginetest.Run(t, func(t *testing.T) cluster.Engine { … }) }
//
// # Stability
//
// Until v1.0 a minor version may change the exported names; the CHANGELOG then lists the
// new ones. New versions may add clauses to the contract.
package enginetest

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster"
)

// Run tests whether an engine meets the contract. open returns an engine without keys that begin
// with /test/; what it returned before need not work any more.
func Run(t *testing.T, open func(t *testing.T) cluster.Engine) {
	for sentence, test := range map[string]func(*testing.T, cluster.Engine){
		"Commit does Then if all conditions hold, and otherwise Else":       conditions,
		"Commit gives entries the revision that it returns":                 revisions,
		"Commit without writes changes no revision":                         readsOnly,
		"Commit does nested transactions by the state before the whole":     nested,
		"Commit takes as many operations as MaxOps, and not more":           longest,
		"Commit rejects a key that is written twice, and then does nothing": twice,
		"Range returns the keys between its ends in order":                  ranges,
		"Origin is not positive, and does not grow, while nothing is lost":  origins,
		"Commits of several callers have one order":                         concurrently,
	} {
		t.Run(sentence, func(t *testing.T) { test(t, open(t)) })
	}
}

const a, b, c = "/test/a", "/test/b", "/test/c"

func commit(t *testing.T, e cluster.Engine, txn cluster.Txn) cluster.Outcome {
	t.Helper()
	out, err := e.Commit(t.Context(), txn)
	require.NoError(t, err)
	return out
}

// do does the operations without a condition.
func do(t *testing.T, e cluster.Engine, ops ...cluster.Op) cluster.Outcome {
	t.Helper()
	return commit(t, e, cluster.Txn{Then: ops})
}

func get(t *testing.T, e cluster.Engine, key string) cluster.Entry {
	t.Helper()
	entry := do(t, e, cluster.Get(key)).Results[0].Entry
	require.Equal(t, key, entry.Key)
	return entry
}

func conditions(t *testing.T, e cluster.Engine) {
	written := do(t, e, cluster.Put(a, []byte("1"))).Revision
	for _, tt := range []struct {
		conditions []cluster.Condition
		want       bool
	}{
		{nil, true},
		{[]cluster.Condition{cluster.Absent(b)}, true},
		{[]cluster.Condition{cluster.Absent(a)}, false},
		{[]cluster.Condition{cluster.Present(a)}, true},
		{[]cluster.Condition{cluster.Present(b)}, false},
		{[]cluster.Condition{cluster.At(get(t, e, a))}, true},
		{[]cluster.Condition{cluster.At(get(t, e, b))}, true},
		{[]cluster.Condition{{Key: a, Revision: written + 1}}, false},
		{[]cluster.Condition{{Key: a, Revision: written, Value: []byte("2")}}, false},
		{[]cluster.Condition{{Key: a, Revision: written, Value: []byte("1")}}, true},
		{[]cluster.Condition{{Key: b, Revision: written}}, false},
		{[]cluster.Condition{cluster.Present(a), cluster.Absent(b)}, true},
		{[]cluster.Condition{cluster.Present(a), cluster.Absent(a)}, false},
	} {
		out := commit(t, e, cluster.Txn{If: tt.conditions, Then: []cluster.Op{cluster.Get(a)}, Else: []cluster.Op{cluster.Get(b), cluster.Get(a)}})
		require.Equal(t, tt.want, out.Held, tt.conditions)
		require.Len(t, out.Results, map[bool]int{true: 1, false: 2}[tt.want])
		require.Equal(t, "1", string(out.Results[len(out.Results)-1].Entry.Value))
	}
	do(t, e, cluster.Delete(a), cluster.Delete(b))
	require.Zero(t, get(t, e, a).Revision)
	require.True(t, commit(t, e, cluster.Txn{If: []cluster.Condition{cluster.Absent(a)}}).Held)
}

func revisions(t *testing.T, e cluster.Engine) {
	first := do(t, e, cluster.Put(a, []byte("1")), cluster.Put(b, nil)).Revision
	second := do(t, e, cluster.Put(a, []byte("1"))).Revision
	require.Greater(t, second, first)
	require.Equal(t, cluster.Entry{Key: a, Value: []byte("1"), Revision: second}, get(t, e, a))
	require.Equal(t, first, get(t, e, b).Revision)
	require.Empty(t, get(t, e, b).Value)
	do(t, e, cluster.Delete(a))
	require.Greater(t, do(t, e, cluster.Put(a, nil)).Revision, second, "also after it was removed")
}

func readsOnly(t *testing.T, e cluster.Engine) {
	before := do(t, e, cluster.Put(a, nil)).Revision
	require.Equal(t, before, do(t, e, cluster.Get(a), cluster.Delete(b)).Revision)
	out := commit(t, e, cluster.Txn{If: []cluster.Condition{cluster.Present(b)}, Then: []cluster.Op{cluster.Put(a, nil)}})
	require.Equal(t, before, out.Revision)
	require.Equal(t, before, get(t, e, a).Revision)
}

func nested(t *testing.T, e cluster.Engine) {
	onlyIf := func(condition cluster.Condition, key string) cluster.Op {
		return cluster.Nest(cluster.Txn{
			If: []cluster.Condition{condition}, Then: []cluster.Op{cluster.Put(key, []byte("then"))},
			Else: []cluster.Op{cluster.Get(a)},
		})
	}
	do(t, e, cluster.Put(a, []byte("before")))
	out := do(t, e, cluster.Put(b, nil), onlyIf(cluster.Absent(b), c), onlyIf(cluster.Absent(a), a))
	require.True(t, out.Results[1].Nested.Held, "b was absent before")
	require.False(t, out.Results[2].Nested.Held)
	require.Equal(t, "before", string(out.Results[2].Nested.Results[0].Entry.Value))
	require.Equal(t, cluster.Entry{Key: c, Value: []byte("then"), Revision: out.Revision}, get(t, e, c))
	require.Equal(t, out.Revision, get(t, e, b).Revision)
}

func longest(t *testing.T, e cluster.Engine) {
	txn := func(n int) (t cluster.Txn) {
		for i := range n {
			key := fmt.Sprintf("/test/%03d", i)
			t.Then = append(t.Then, cluster.Nest(cluster.Txn{
				If: []cluster.Condition{cluster.Absent(key)}, Then: []cluster.Op{cluster.Put(key, nil), cluster.Put(key+"/of", nil)},
			}))
		}
		return t
	}
	_, err := e.Commit(t.Context(), txn(cluster.MaxOps-1))
	require.Error(t, err)
	require.Len(t, commit(t, e, txn(cluster.MaxOps-2)).Results, cluster.MaxOps-2)
	found, err := e.Range(t.Context(), "/test/", "/test0", false)
	require.NoError(t, err)
	require.Len(t, found, 2*(cluster.MaxOps-2))
}

func twice(t *testing.T, e cluster.Engine) {
	for _, ops := range [][]cluster.Op{
		{cluster.Put(a, nil), cluster.Put(a, nil)},
		{cluster.Put(a, nil), cluster.Nest(cluster.Txn{Then: []cluster.Op{cluster.Put(a, nil)}})},
		{cluster.Put(a, nil), cluster.Delete(a)},
	} {
		_, err := e.Commit(t.Context(), cluster.Txn{Then: ops})
		require.Error(t, err)
		require.Zero(t, get(t, e, a).Revision)
	}
}

func ranges(t *testing.T, e cluster.Engine) {
	do(t, e, cluster.Put(c, []byte("3")), cluster.Put(a, []byte("1")), cluster.Put(b, []byte("2")))
	for _, tt := range []struct{ from, to, want string }{
		{a, c, "12"}, {a, c + "\x00", "123"}, {a + "\x00", c, "2"}, {c, a, ""}, {"/test/", "/test0", "123"}, {"/tesu", "/tesv", ""},
	} {
		for _, stale := range []bool{false, true} {
			found, err := e.Range(t.Context(), tt.from, tt.to, stale)
			require.NoError(t, err)
			values := ""
			for _, entry := range found {
				require.NotZero(t, entry.Revision)
				values += string(entry.Value)
			}
			if !stale {
				require.Equal(t, tt.want, values, tt)
			}
		}
	}
}

func origins(t *testing.T, e cluster.Engine) {
	before, err := e.Origin(t.Context())
	require.NoError(t, err)
	require.LessOrEqual(t, before.Offset, int64(0))
	for range 20 {
		do(t, e, cluster.Put(a, nil))
		commit(t, e, cluster.Txn{If: []cluster.Condition{cluster.Absent(a)}, Then: []cluster.Op{cluster.Put(b, nil)}})
		now, err := e.Origin(t.Context())
		require.NoError(t, err)
		require.Equal(t, before.Cluster, now.Cluster)
		require.LessOrEqual(t, now.Offset, int64(0))
	}
}

// concurrently has several callers count up, each on the condition that no other has.
func concurrently(t *testing.T, e cluster.Engine) {
	const callers, each = 4, 25
	var all sync.WaitGroup
	errs := make([]error, callers)
	for i := range callers {
		all.Go(func() { errs[i] = countUp(t, e, each) })
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, strconv.Itoa(callers*each), string(get(t, e, a).Value))
}

func countUp(t *testing.T, e cluster.Engine, times int) error {
	for times > 0 {
		out, err := e.Commit(t.Context(), cluster.Txn{Then: []cluster.Op{cluster.Get(a)}})
		if err != nil {
			return err
		}
		entry := out.Results[0].Entry
		n, _ := strconv.Atoi(string(entry.Value)) // It is 0 before the first one.
		out, err = e.Commit(t.Context(), cluster.Txn{
			If: []cluster.Condition{cluster.At(entry)}, Then: []cluster.Op{cluster.Put(a, []byte(strconv.Itoa(n+1)))},
		})
		if err != nil {
			return err
		}
		if out.Held {
			times--
		}
	}
	return nil
}
