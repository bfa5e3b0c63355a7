package cniexec_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/containernetworking/cni/libcni"

	"github.com/leasehold/leasehold/cniexec"
)

// A runtime that uses libcni only has to pass it an Exec.
func Example() {
	dir, err := os.MkdirTemp("", "leases")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	network, err := libcni.NetworkConfFromBytes([]byte(`{
		"cniVersion": "1.1.0", "name": "podnet",
		"plugins": [{"type": "host-local", "ipam": {
			"type": "host-local", "backend": "bolt", "dataDir": "` + dir + `",
			"ranges": [[{"subnet": "10.88.0.0/16"}]]
		}}]
	}`))
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	cni := libcni.NewCNIConfigWithCacheDir(nil, filepath.Join(dir, "cache"), cniexec.New(nil))
	container := &libcni.RuntimeConf{ContainerID: "b552f9", NetNS: "/run/netns/b552f9", IfName: "eth0"}
	if _, err := cni.AddNetworkList(ctx, network, container); err != nil {
		log.Fatal(err)
	}
	_, err = cni.AddNetworkList(ctx, network, container)
	fmt.Println(err != nil)
	if err := cni.DelNetworkList(ctx, network, container); err != nil {
		log.Fatal(err)
	}
	// Output: true
}
