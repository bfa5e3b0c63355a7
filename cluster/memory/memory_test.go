package memory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/enginetest"
	"github.com/leasehold/leasehold/cluster/memory"
)

func TestEngine(t *testing.T) {
	enginetest.Run(t, func(*testing.T) cluster.Engine { return memory.New() })
}

// A restored engine has the revision of its backup, and a log that does not account for it.
func TestRestore(t *testing.T) {
	e := memory.New()
	put := func(value string) {
		_, err := e.Commit(t.Context(), cluster.Txn{Then: []cluster.Op{cluster.Put("a", []byte(value))}})
		require.NoError(t, err)
	}
	for range 9 {
		put("before")
	}
	backup := e.Backup()
	put("after")
	e.Restore(backup)
	out, err := e.Commit(t.Context(), cluster.Txn{Then: []cluster.Op{cluster.Get("a")}})
	require.NoError(t, err)
	require.Equal(t, "before", string(out.Results[0].Entry.Value))
	o, err := e.Origin(t.Context())
	require.NoError(t, err)
	require.Positive(t, o.Offset)
}
