package cniexec_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/containernetworking/cni/pkg/types"
	types100 "github.com/containernetworking/cni/pkg/types/100"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cniexec"
	"github.com/leasehold/leasehold/internal/flock"
)

// A runtime has a network with only host-local, and no plugin installed.
type runtime struct {
	*testing.T
	dir  string
	cni  *libcni.CNIConfig
	list *libcni.NetworkConfigList
}

func newRuntime(t *testing.T, backend string) runtime {
	t.Helper()
	dir := t.TempDir()
	list, err := libcni.NetworkConfFromBytes(fmt.Appendf(nil, `{"cniVersion": "1.1.0", "name": "net", "plugins": [{"type": "host-local", "ipam": {
		"type": "host-local", "dataDir": %q, "backend": %q, "lockTimeout": "1h", "ranges": [[{"subnet": "10.1.0.0/24"}]]}}]}`, dir, backend))
	require.NoError(t, err)
	return runtime{t, dir, libcni.NewCNIConfigWithCacheDir(nil, filepath.Join(dir, "cache"), cniexec.New(nil)), list}
}

func conf(id string) *libcni.RuntimeConf {
	return &libcni.RuntimeConf{ContainerID: id, NetNS: "/n", IfName: "eth0"}
}

func (r runtime) add(ctx context.Context, id string) (string, error) {
	result, err := r.cni.AddNetworkList(ctx, r.list, conf(id))
	if err != nil {
		return "", err
	}
	current, err := types100.NewResultFromResult(result)
	if err != nil {
		return "", err
	}
	return current.IPs[0].Address.String(), nil
}

func TestLibcniInProcess(t *testing.T) {
	for _, backend := range []string{"files", "bolt"} {
		t.Run(backend, func(t *testing.T) {
			r, ctx := newRuntime(t, backend), t.Context()
			addr, err := r.add(ctx, "a")
			require.NoError(t, err)
			require.Equal(t, "10.1.0.2/24", addr)
			require.NoError(t, r.cni.CheckNetworkList(ctx, r.list, conf("a")))
			require.NoError(t, r.cni.GetStatusNetworkList(ctx, r.list))
			_, err = r.cni.ValidateNetworkList(ctx, r.list)
			require.NoError(t, err)

			_, err = r.add(ctx, "a")
			var answer *types.Error
			require.ErrorAs(t, err, &answer)
			require.EqualValues(t, 102, answer.Code)
			require.Contains(t, answer.Details, "run DEL")

			require.NoError(t, r.cni.DelNetworkList(ctx, r.list, conf("a")))
			addr, err = r.add(ctx, "b")
			require.NoError(t, err)
			require.Equal(t, "10.1.0.3/24", addr)
			require.NoError(t, r.cni.GCNetworkList(ctx, r.list, &libcni.GCArgs{ValidAttachments: []types.GCAttachment{}}))
			_, err = r.add(ctx, "b")
			require.NoError(t, err)
		})
	}
}

func TestConcurrentCalls(t *testing.T) {
	r := newRuntime(t, "bolt")
	var all sync.WaitGroup
	addrs := make([]string, 50)
	for i := range addrs {
		all.Go(func() { addrs[i], _ = r.add(t.Context(), fmt.Sprint("c", i)) })
	}
	all.Wait()
	holders := make(map[string]int)
	for _, addr := range addrs {
		holders[addr]++
	}
	require.Len(t, holders, len(addrs))
	require.Zero(t, holders[""])
}

// A program whose context ends does not wait for the lock.
func TestContextEnds(t *testing.T) {
	r := newRuntime(t, "bolt")
	_, err := r.add(t.Context(), "a")
	require.NoError(t, err)
	f, err := os.Open(filepath.Join(r.dir, "net"))
	require.NoError(t, err)
	require.NoError(t, flock.Exclusive(t.Context(), f))
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := r.add(ctx, "b")
		failed <- err
	}()
	cancel()
	require.ErrorContains(t, <-failed, "context canceled")
	require.NoError(t, f.Close())
	addr, err := r.add(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, "10.1.0.3/24", addr)
}

// Any other plugin is executed.
func TestOtherPluginsAreExecuted(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\necho '{\"cniVersion\": \"1.0.0\", \"ips\": [{\"address\": \"10.9.0.9/24\"}]}'\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other"), []byte(script), 0o700))
	e := cniexec.New(nil)
	_, err := e.FindInPath("none", []string{dir})
	require.Error(t, err)
	path, err := e.FindInPath("other", []string{dir})
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "other"), path)
	result, err := invoke.ExecPluginWithResult(t.Context(), path, []byte(`{"cniVersion": "1.0.0"}`), &invoke.Args{Command: "ADD"}, e)
	require.NoError(t, err)
	require.Equal(t, "1.0.0", result.Version())
}

// An installed executable host-local is not executed.
func TestInstalledHostLocalIsIgnored(t *testing.T) {
	path, err := cniexec.New(nil).FindInPath(cniexec.Plugin, []string{t.TempDir()})
	require.NoError(t, err)
	_, err = os.Stat(path)
	require.Error(t, err)
}
