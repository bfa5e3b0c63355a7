package dump_test

import (
	"bytes"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/dump"
)

const v2 = `{"leasehold":2,"network":"podnet","store":"bolt"}
{"network":"podnet","address":"10.1.0.2","containerID":"a"}
{"network":"podnet","address":"10.1.0.9","containerID":"b","ifname":"eth0","since":"2026-01-02T03:04:05Z","podNamespace":"shop","podName":"web-0","until":"2026-01-02T04:04:05Z","cause":"DEL"}
{"network":"podnet","address":"10.1.0.2","containerID":"c","untilUnix":253402300800,"cause":"unknown"}
{"end":"podnet","leases":1,"ended":2}
`

func history() []backend.Ended {
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return []backend.Ended{
		{
			Lease: backend.Lease{
				Addr: ip("10.1.0.9"), Owner: backend.Owner{ContainerID: "b", IfName: "eth0"}, Since: since,
				Pod: backend.Pod{Namespace: "shop", Name: "web-0"},
			},
			Until: since.Add(time.Hour), Cause: backend.EndedByDEL,
		},
		{Lease: backend.Lease{Addr: ip("10.1.0.2"), Owner: backend.Owner{ContainerID: "c"}}, Until: time.Unix(253402300800, 0).UTC()},
	}
}

func all[T any](list ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, one := range list {
			if !yield(one, nil) {
				return
			}
		}
	}
}

func collect[T any](t *testing.T, of iter.Seq2[T, error]) (list []T) {
	t.Helper()
	for one, err := range of {
		require.NoError(t, err)
		list = append(list, one)
	}
	return list
}

// Files of version 2 must stay readable: a change here needs a new version.
func TestVersion2(t *testing.T) {
	l := backend.Lease{Addr: ip("10.1.0.2"), Owner: backend.Owner{ContainerID: "a"}}
	var b bytes.Buffer
	n, err := dump.Write(&b, "podnet", "bolt", backend.Content{Leases: all(l), History: all(history()...)})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, v2, b.String())

	for name, take := range map[string]func(n *dump.Network) error{
		"as they come":              func(*dump.Network) error { return nil },
		"kept":                      func(n *dump.Network) error { return n.Keep() },
		"kept, and kept once again": func(n *dump.Network) error { return errAny(n.Keep(), n.Keep()) },
	} {
		r := dump.NewReader(bytes.NewReader([]byte(v2)))
		n, err := r.Next()
		require.NoError(t, err, name)
		require.NoError(t, take(n), name)
		require.Equal(t, []backend.Lease{l}, collect(t, n.Leases), name)
		require.Equal(t, history(), collect(t, n.History), name)
		_, err = r.Next()
		require.ErrorIs(t, err, io.EOF, name)
	}
}

// A gap in the history is a part of version 2 only.
func TestHistoryGap(t *testing.T) {
	gap := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var b bytes.Buffer
	_, err := dump.Write(&b, "podnet", "bolt", backend.Content{Leases: all[backend.Lease](), History: all(history()...), Gap: gap})
	require.NoError(t, err)
	n, err := dump.NewReader(&b).Next()
	require.NoError(t, err)
	require.Equal(t, gap, n.Gap)
	_, err = dump.NewReader(strings.NewReader(`{"leasehold":1,"network":"podnet","historyGapUnix":1}`)).Next()
	require.ErrorContains(t, err, "historyGapUnix")
}

func errAny(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// What is not read is checked and skipped.
func TestHistoryCanBeSkipped(t *testing.T) {
	r := dump.NewReader(bytes.NewReader([]byte(v2 + `{"leasehold":1,"network":"other"}` + "\n" + `{"end":"other","leases":0}`)))
	n, err := r.Next()
	require.NoError(t, err)
	require.Equal(t, history(), collect(t, n.History), "the leases are skipped")
	n, err = r.Next()
	require.NoError(t, err)
	require.Equal(t, "other", n.Name)
	require.Nil(t, n.History)

	r = dump.NewReader(bytes.NewReader([]byte(v2)))
	_, err = r.Next()
	require.NoError(t, err)
	_, err = r.Next()
	require.ErrorIs(t, err, io.EOF)
}

func TestHistoryIsChecked(t *testing.T) {
	lines := bytes.SplitAfter([]byte(v2), []byte("\n"))
	for want, of := range map[string][][]byte{
		"line 3: a lease after an ended lease":                 {lines[0], lines[2], lines[1], lines[4]},
		"line 2: an ended lease, in version 1 of the format":   {bytes.Replace(lines[0], []byte("2"), []byte("1"), 1), lines[2], lines[4]},
		"had 2 ended leases when it was written, but the file": {lines[0], lines[1], lines[2], lines[4]},
		`line 2: cause: unknown value "x"`:                     {lines[0], bytes.Replace(lines[3], []byte("unknown"), []byte("x"), 1), lines[4]},
		"line 2: cause: an ended lease needs one; if it":       {lines[0], bytes.Replace(lines[2], []byte(`,"cause":"DEL"`), nil, 1), lines[4]},
		`line 2: cause: an ended lease needs one`:              {lines[0], bytes.Replace(lines[3], []byte(`,"cause":"unknown"`), nil, 1), lines[4]},
		"line 2: container ID is empty":                        {lines[0], bytes.Replace(lines[3], []byte(`"containerID":"c",`), nil, 1), lines[4]},
		"the file is truncated":                                {lines[0], lines[1], lines[2]},
	} {
		for _, skip := range []bool{false, true} {
			r := dump.NewReader(bytes.NewReader(bytes.Join(of, nil)))
			n, err := r.Next()
			require.NoError(t, err)
			if skip {
				_, err = r.Next()
			} else {
				for _, err = range n.Leases {
				}
				for _, e := range []error{err, lastOf(n)} {
					if e != nil {
						err = e
					}
				}
			}
			require.ErrorContains(t, err, want)
		}
	}
}

func lastOf(n *dump.Network) (last error) {
	if n.History == nil {
		return nil
	}
	for _, err := range n.History {
		last = err
	}
	return last
}
