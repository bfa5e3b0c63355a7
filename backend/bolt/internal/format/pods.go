package format

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/leasehold/leasehold/backend"
)

// PodsBucket is the name of a bucket that a store has once it indexes pods: for a pod, the numbers of
// the ended leases of the addresses that it had last.
var PodsBucket = []byte("pods")

// PodKey returns the key of a pod in the bucket pods: a hash of its name, because names are long.
// Readers compare the ended lease itself.
func PodKey(p backend.Pod) []byte {
	h := fnv.New64a()
	h.Write([]byte(p.Namespace)) // a hash never fails
	h.Write([]byte{'/'})         // not in a name of Kubernetes
	h.Write([]byte(p.Name))
	return h.Sum(nil)
}

// PodNumbers is the value of an entry: numbers of ended leases, the newest first, as differences.
type PodNumbers []uint64

// Encode returns the bytes of the value, nil if it has no numbers.
func (n PodNumbers) Encode() (b []byte) {
	for i, number := range n {
		if i > 0 {
			number = n[i-1] - number
		}
		b = binary.AppendUvarint(b, number)
	}
	return b
}

var errPods = errors.New("malformed entry")

// DecodePodNumbers is the inverse of Encode.
func DecodePodNumbers(key, value []byte) (n PodNumbers, err error) {
	fault := fmt.Errorf("pods: %w %x", errPods, key)
	if len(key) != HashLen {
		return nil, fault
	}
	for len(value) > 0 {
		number, size := binary.Uvarint(value)
		if size <= 0 || number == 0 || len(n) == backend.PodAddrs {
			return nil, fault
		}
		if last := len(n) - 1; last >= 0 {
			if number >= n[last] {
				return nil, fault
			}
			number = n[last] - number
		}
		n, value = append(n, number), value[size:]
	}
	return n, nil
}
