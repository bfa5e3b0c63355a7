package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/netconf"
)

func TestGCCommand(t *testing.T) {
	const uuid = "8ba85cef-1c16-8a6e-f3a0-1d6d2c5a4b11"
	hex := strings.Repeat("0123456789abcdef", 4)
	lease := func(id string) backend.Lease { return backend.Lease{Owner: backend.Owner{ContainerID: id}} }
	pod, podman, netns := lease(hex), lease(hex), lease(hex)
	pod.Pod = backend.Pod{Namespace: "shop", Name: "web-0"}
	podman.Pod = backend.Pod{Name: "web"}
	netns.Netns = "/run/netns/netns-4b8ed26d-8a33-42a7-8d8f-6b5f0a1c4f0e"
	bridge := network{name: "net", confs: []netconf.Network{{Text: []byte(`{"bridge": "cni-podman1"}`)}}}
	for name, c := range map[string]struct {
		network network
		leases  []backend.Lease
		want    string
	}{
		"none":                        {network{name: "net"}, nil, "crictl pods -q"},
		"names given by the operator": {network{name: "net"}, []backend.Lease{lease("pod1"), lease("web-0"), {}}, "crictl pods -q"},
		"a sandbox, on files":         {network{name: "net"}, []backend.Lease{lease(hex)}, "crictl pods -q"},
		"a sandbox of a pod":          {bridge, []backend.Lease{pod}, "crictl pods -q"},
		"podman by the pod":           {network{name: "net"}, []backend.Lease{podman}, "podman ps -aq --no-trunc"},
		"podman by the namespace":     {network{name: "net"}, []backend.Lease{netns}, "podman ps -aq --no-trunc"},
		"podman by the network":       {network{name: "podman"}, []backend.Lease{lease(hex)}, "podman ps -aq --no-trunc"},
		"podman by the bridge":        {bridge, []backend.Lease{lease(hex)}, "podman ps -aq --no-trunc"},
		"nerdctl":                     {network{name: "bridge"}, []backend.Lease{lease("default-" + hex)}, "nerdctl ps -aq --no-trunc | sed s/^/default-/"},
		"nerdctl, another namespace":  {network{name: "bridge"}, []backend.Lease{lease("k8s.io-" + hex)}, "nerdctl -n k8s.io ps -aq --no-trunc | sed s/^/k8s.io-/"},
		"nerdctl, odd namespace":      {network{name: "bridge"}, []backend.Lease{lease("a.B_9-" + hex)}, "nerdctl -n a.B_9 ps -aq --no-trunc | sed s/^/a.B_9-/"},
		"no namespace, a command":     {network{name: "net"}, []backend.Lease{lease("x;touch RAN;-" + hex)}, "crictl pods -q"},
		"no namespace, a flag":        {network{name: "net"}, []backend.Lease{lease("-x-" + hex)}, "crictl pods -q"},
		"no namespace, for sed":       {network{name: "net"}, []backend.Lease{lease("a/e-" + hex), lease("a&-" + hex), lease("ä-" + hex)}, "crictl pods -q"},
		"nomad":                       {network{name: "nomad"}, []backend.Lease{lease(uuid)}, `nomad node status -self -verbose | grep -oE '^[0-9a-f-]{36}'`},
		"two runtimes": {network{name: "net"}, []backend.Lease{lease("a-b-" + hex), lease(hex), lease(hex)},
			"(set -o pipefail; crictl pods -q && nerdctl -n a-b ps -aq --no-trunc | sed s/^/a-b-/) > /run/pods && leasehold gc net --valid /run/pods --dry-run"},
	} {
		if !strings.Contains(c.want, " gc ") {
			c.want += " | leasehold gc " + c.network.name + " --valid - --dry-run"
		}
		require.Equal(t, c.want, gcCommand("leasehold", c.network, c.leases), name)
	}
}
