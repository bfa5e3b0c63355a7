package page

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
)

// newFile returns a file of small pages with a bucket whose tree has three levels, and the
// page at which the tree begins.
func newFile(t *testing.T) (content []byte, root uint64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: MinSize, NoSync: true})
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("b"))
		for i := 0; err == nil && i < 3000; i++ {
			err = b.Put(binary.BigEndian.AppendUint32(nil, uint32(i)), make([]byte, i%40))
		}
		return err
	}))
	require.NoError(t, db.View(func(tx *bbolt.Tx) error {
		root = uint64(tx.Bucket([]byte("b")).Root())
		return nil
	}))
	require.NoError(t, db.Close())
	content, err = os.ReadFile(path)
	require.NoError(t, err)
	return content, root
}

func latest(content []byte) (File, Meta) {
	f, metas := Open(bytes.NewReader(content), int64(len(content)))
	id, _ := metas.Latest()
	return f, metas[id].Meta
}

func describeNothing(_, _ []byte) string { return "" }

// walked returns how many elements a Walker finds in the leaves of a tree, or its first fault.
func walked(content []byte, root uint64) (n int, fault *Fault) {
	f, m := latest(content)
	w := NewWalker(f, m.End, describeNothing)
	w.Report = func(f Fault) {
		if fault == nil {
			fault = &f
		}
	}
	w.tree(root, "b", func(id uint64, list []Element) {
		for i, e := range list {
			if err := NoBucket(i, e); err != nil {
				w.Report(Fault{Page: id, Part: "b", Err: err})
			}
		}
		n += len(list)
	})
	return n, fault
}

// checked returns the fault that a Checker finds in a tree.
func checked(content []byte, root uint64, check func(*Checker)) (fault *Fault) {
	f, m := latest(content)
	defer func() {
		if f, ok := recover().(Fault); ok {
			fault = &f
		}
	}()
	s := &Snapshot{PageSize: f.PageSize, End: m.End, Visited: NewBitmap(m.End), DescribeKeys: describeNothing}
	check(NewChecker(s, "b", content, root, func(_ uint64, i int, e Element) error { return NoBucket(i, e) }))
	return nil
}

func TestSoundTree(t *testing.T) {
	content, root := newFile(t)
	n, fault := walked(content, root)
	require.Nil(t, fault)
	require.Equal(t, 3000, n)
	for _, check := range []func(*Checker){
		(*Checker).All,
		func(c *Checker) {
			for i := range uint32(3001) {
				key := binary.BigEndian.AppendUint32(nil, i)
				c.Path(Toward(key))
				from, to := c.PathAndNeighbours(Toward(key))
				require.LessOrEqual(t, bytes.Compare(from, key), 0)
				require.True(t, to == nil || bytes.Compare(key, to) < 0)
			}
			from, _ := c.PathAndNeighbours(ToFirst)
			require.Equal(t, make([]byte, 4), from)
			_, to := c.PathAndNeighbours(ToLast)
			require.Nil(t, to)
		},
	} {
		fault := checked(content, root, check)
		require.Nil(t, fault, fmt.Sprint(fault))
	}
}

// A Walker and a Checker find the same faults: a bit that is flipped anywhere in a tree.
func TestWalkerAndCheckerAgree(t *testing.T) {
	content, root := newFile(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 600 {
		damaged := slices.Clone(content)
		at := First*MinSize + rnd.IntN(len(damaged)-First*MinSize)
		damaged[at] ^= 1 << rnd.IntN(8)
		_, want := walked(damaged, root)
		got := checked(damaged, root, (*Checker).All)
		require.Equal(t, fmt.Sprint(want), fmt.Sprint(got), "byte %d", at)
		if want != nil {
			found++
		}
	}
	require.Greater(t, found, 40)
}
