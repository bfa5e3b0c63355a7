package fuzz_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	types100 "github.com/containernetworking/cni/pkg/types/100"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
)

// FuzzAttachments checks that GC reads a list as the CNI library does or rejects it: an
// overlooked container would lose its address.
func FuzzAttachments(f *testing.F) {
	f.Add([]byte(`[{"containerID": "a", "ifname": "eth0"}]`))
	f.Fuzz(func(t *testing.T, list []byte) {
		stdin := fmt.Appendf(nil, `{"name": "net", "ipam": {}, "cni.dev/valid-attachments": %s}`, list)
		n, owners, err := config.ParseAttachments(stdin)
		checkError(t, stdin, err)
		if err != nil {
			if len(owners) > 0 {
				t.Fatalf("%v, but also %v", err, owners)
			}
			return
		}
		checkNetwork(t, n)
		var want []types.GCAttachment
		if !json.Valid(list) {
			return // The input closes the object and begins another value.
		}
		if err := json.Unmarshal(list, &want); err != nil || len(owners) != len(want) {
			t.Fatalf("%v, but the library reads %v, %v", owners, want, err)
		}
		for i, o := range owners {
			if o.ContainerID != want[i].ContainerID || o.IfName != want[i].IfName || o.Validate() != nil {
				t.Fatalf("%v, but the library reads %v", o, want[i])
			}
		}
	})
}

// FuzzPrevResult checks that CHECK finds the same addresses in a result as the CNI library.
func FuzzPrevResult(f *testing.F) {
	f.Add([]byte(`{"cniVersion": "1.0.0", "ips": [{"address": "10.1.2.3/24"}]}`))
	f.Fuzz(func(t *testing.T, result []byte) {
		stdin := fmt.Appendf(nil, `{"name": "net", "prevResult": %s}`, result)
		got, err := config.ParsePrevResult(stdin)
		checkError(t, stdin, err)
		for _, addr := range got {
			if !plain(addr) {
				t.Fatalf("not an address: %v", got)
			}
		}
		want, ok := libraryAddrs(result)
		if ok && (err != nil || !slices.Equal(want, got)) {
			t.Fatalf("%v, %v, but the library reads %v", got, err, want)
		}
	})
}

// libraryAddrs returns the addresses that the library reads, unless it reads none, or the
// result also has addresses in the form used before 0.3.0.
func libraryAddrs(result []byte) (addrs []netip.Addr, ok bool) {
	var r types100.Result
	var older struct{ IP4, IP6 json.RawMessage }
	if json.Unmarshal(result, &r) != nil || json.Unmarshal(result, &older) != nil || older.IP4 != nil || older.IP6 != nil {
		return nil, false
	}
	for _, ip := range r.IPs {
		if ip == nil || ip.Address.IP == nil {
			return nil, false
		}
		addr, _ := netip.AddrFromSlice(ip.Address.IP)
		addrs = append(addrs, addr.Unmap())
	}
	return addrs, true
}

// FuzzArgs checks that CNI_ARGS accepted by the CNI library are accepted and mean the same,
// and that a lease can record their pod.
func FuzzArgs(f *testing.F) {
	stdin := []byte(`{"name": "net", "ipam": {"subnet": "10.1.2.0/24"}}`)
	f.Add("IgnoreUnknown=1;IP=10.1.2.3;K8S_POD_NAME=web-0")
	f.Fuzz(func(t *testing.T, args string) {
		c, err := config.Parse(stdin, args)
		checkError(t, stdin, err)
		want := struct {
			types.CommonArgs
			IP types.UnmarshallableString
		}{}
		addr, _ := netip.ParseAddr("10.1.2.3")
		if types.LoadArgs(args, &want) == nil && want.IP == "10.1.2.3" && (err != nil || !slices.Equal(c.Requested, []netip.Addr{addr})) {
			t.Fatalf("%v, where the library takes it", err)
		}
		if err != nil {
			return
		}
		l := backend.Lease{Addr: addr, Owner: backend.Owner{ContainerID: "any"}, Pod: c.Pod}
		if err := l.Validate(); err != nil || len(c.Requested) > 1 {
			t.Fatalf("%v requested for %v: %v", c.Requested, c.Pod, err)
		}
	})
}
