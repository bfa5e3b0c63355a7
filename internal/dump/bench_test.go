package dump_test

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/dump"
)

// pods returns n leases of Kubernetes pods.
func pods(n int) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		addr := netip.MustParseAddr("10.0.0.1")
		for i := range n {
			addr = addr.Next()
			l := backend.Lease{
				Addr:  addr,
				Owner: backend.Owner{ContainerID: fmt.Sprintf("%064x", i), IfName: "eth0"},
				Since: time.Unix(1764000000+int64(i), 0).UTC(),
				Boot:  "5b2f7c9e-8a51-4cf8-9b43-0f1e6d0c2a77",
				Pod:   backend.Pod{Namespace: "kube-system", Name: fmt.Sprintf("coredns-674b8bbfcf-%05d", i)},
				Netns: fmt.Sprintf("/var/run/netns/cni-0b9e6a63-0c77-5d3b-8e51-%012d", i),
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}

// One iteration is one lease.
func BenchmarkWrite(b *testing.B) {
	n, err := dump.Write(io.Discard, "podnet", "bolt", backend.Content{Leases: pods(b.N)})
	require.NoError(b, err)
	require.Equal(b, b.N, n)
}

// One iteration is one lease.
func BenchmarkRead(b *testing.B) {
	var file bytes.Buffer
	_, err := dump.Write(&file, "podnet", "bolt", backend.Content{Leases: pods(b.N)})
	require.NoError(b, err)
	b.SetBytes(int64(file.Len() / b.N))
	b.ReportAllocs()
	b.ResetTimer()
	r := dump.NewReader(&file)
	_, err = r.Next()
	require.NoError(b, err)
	_, err = r.Next()
	require.ErrorIs(b, err, io.EOF)
}
