package measure

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A Container is a made-up container. Container n always has the same ID, network namespace
// and pod.
type Container int

// IfName is the interface of every container.
const IfName = "eth0"

// ID returns the container ID: 64 hexadecimal digits, as containerd and Docker make them.
func (c Container) ID() string {
	sum := c.hash("container")
	return hex.EncodeToString(sum[:])
}

// Owner returns the owner of the container's leases.
func (c Container) Owner() backend.Owner {
	return backend.Owner{ContainerID: c.ID(), IfName: IfName}
}

// Netns returns the path of the network namespace, as containerd names it.
func (c Container) Netns() string { return "/var/run/netns/cni-" + c.uuid("netns") }

// Pod returns the Kubernetes pod.
func (c Container) Pod() backend.Pod {
	sum := c.hash("pod")
	return backend.Pod{Namespace: "default", Name: fmt.Sprintf("web-%x-%x", sum[:5], sum[5:8])}
}

// Lease returns the lease that an ADD for the container makes.
func (c Container) Lease(addr netip.Addr, boot string) backend.Lease {
	return backend.Lease{
		Addr:  addr,
		Owner: c.Owner(),
		Since: time.Now().UTC().Truncate(time.Second),
		Boot:  boot,
		Pod:   c.Pod(),
		Netns: c.Netns(),
	}
}

// Env returns the environment in which containerd runs a plugin for a Kubernetes pod.
func (c Container) Env(command string) []string {
	pod := c.Pod()
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"CNI_COMMAND=" + command,
		"CNI_CONTAINERID=" + c.ID(),
		"CNI_NETNS=" + c.Netns(),
		"CNI_IFNAME=" + IfName,
		"CNI_PATH=/opt/cni/bin",
		"CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=" + pod.Namespace + ";K8S_POD_NAME=" + pod.Name +
			";K8S_POD_INFRA_CONTAINER_ID=" + c.ID() + ";K8S_POD_UID=" + c.uuid("pod UID"),
	}
}

func (c Container) uuid(of string) string {
	sum := c.hash(of)
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func (c Container) hash(of string) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%s %d", of, c))
}
