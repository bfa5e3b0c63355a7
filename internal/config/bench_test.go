package config_test

import (
	"testing"

	"github.com/leasehold/leasehold/internal/config"
)

// One iteration parses an ordinary configuration.
func BenchmarkParse(b *testing.B) {
	stdin := []byte(`{"cniVersion": "1.0.0", "name": "podnet", "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
		"ipam": {"type": "host-local", "backend": "bolt", "dataDir": "/var/lib/cni/networks",
			"ranges": [[{"subnet": "10.1.0.0/16", "rangeStart": "10.1.0.10", "gateway": "10.1.0.1"}], [{"subnet": "fd00:1::/64"}]],
			"routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0", "gw": "fd00:1::1"}]}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := config.Parse(stdin, "K8S_POD_NAMESPACE=a;K8S_POD_NAME=b"); err != nil {
			b.Fatal(err)
		}
	}
}
