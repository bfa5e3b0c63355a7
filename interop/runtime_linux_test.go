package interop

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
	types100 "github.com/containernetworking/cni/pkg/types/100"
	"github.com/stretchr/testify/require"
)

// A containerRuntime is libcni with a network.
type containerRuntime struct {
	cni  *libcni.CNIConfig
	list *libcni.NetworkConfigList
	net  network
}

// newRuntime returns a runtime for a network with one plugin, which has these keys.
func newRuntime(t *testing.T, n network, keys string) containerRuntime {
	t.Helper()
	text := fmt.Sprintf(`{"cniVersion": %q, "name": "net", "plugins": [{%s, "ipam": {"type": "host-local", "dataDir": %q, "backend": %q, %s}}]}`,
		n.version, keys, n.dir, n.backend, n.ipam)
	list, err := libcni.ConfListFromBytes([]byte(text))
	require.NoError(t, err)
	path := []string{filepath.Join(bin, "main"), filepath.Join(bin, "ours")}
	return containerRuntime{libcni.NewCNIConfigWithCacheDir(path, t.TempDir(), nil), list, n}
}

// A container has one interface.
type container struct {
	id    string
	netns namespace
	ips   []string // requested with the capability "ips"
}

func newContainer(t *testing.T, id string) container {
	t.Helper()
	return container{id: id, netns: newNamespace(t)}
}

func (c container) who() attachment { return attachment{c.id, "eth0"} }

func (c container) conf() *libcni.RuntimeConf {
	rt := &libcni.RuntimeConf{ContainerID: c.id, NetNS: c.netns.path(), IfName: "eth0"}
	if c.ips != nil {
		rt.CapabilityArgs = map[string]any{"ips": c.ips}
	}
	return rt
}

// add returns the addresses of the result.
func (r containerRuntime) add(t *testing.T, c container) []*types100.IPConfig {
	t.Helper()
	result, err := r.cni.AddNetworkList(context.Background(), r.list, c.conf())
	require.NoError(t, err)
	current, err := types100.NewResultFromResult(result)
	require.NoError(t, err)
	return current.IPs
}

func (r containerRuntime) check(c container) error {
	return r.cni.CheckNetworkList(context.Background(), r.list, c.conf())
}

func (r containerRuntime) del(c container) error {
	return r.cni.DelNetworkList(context.Background(), r.list, c.conf())
}

func (r containerRuntime) gc(valid ...container) error {
	args := &libcni.GCArgs{ValidAttachments: []types.GCAttachment{}}
	for _, c := range valid {
		args.ValidAttachments = append(args.ValidAttachments, types.GCAttachment{ContainerID: c.id, IfName: "eth0"})
	}
	return r.cni.GCNetworkList(context.Background(), r.list, args)
}

func (r containerRuntime) status() error {
	return r.cni.GetStatusNetworkList(context.Background(), r.list)
}

// code returns the CNI code of an error, or 0 for any other error.
func code(err error) uint {
	if e := (*types.Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	return 0
}
