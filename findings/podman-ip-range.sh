#!/usr/bin/env bash
# The guess: podman network create --ip-range 10.9.0.128/25 gives containers the usable host
# addresses of that range.
#
# What happened instead: the CNI configuration that podman 4.3.1 writes ends the range with the
# broadcast address of the subnet. The stock host-local plugin excludes that address from its
# default range, but accepts it in an explicit one and leases it.
#
# Why it matters: the container that gets this address starts without an error, but no host on
# the bridge can reach it, because they treat its address as a broadcast. If you write or
# generate rangeEnd, exclude the broadcast address; tools that check configurations should look
# for it.
set -euo pipefail

plugins=v1.10.0
debian=(
	podman=4.3.1+ds1-8+deb12u1+b3 conmon=2.1.6+ds1-1 libgpgme11=1.18.0-3+deb12u1 libassuan0=2.5.5-5
	libsubid4=1:4.13+dfsg1-1+deb12u2 golang-github-containers-common=0.50.1+ds1-4
)

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

{
	apt-get download "${debian[@]}"
	for package in *.deb; do dpkg-deb -x "$package" root; done
	CGO_ENABLED=0 GOBIN=$tmp go install "github.com/containernetworking/plugins/plugins/ipam/host-local@$plugins"
} >log 2>&1 || { cat log; exit 1; }

cat >containers.conf <<EOF
[network]
network_backend = "cni"
network_config_dir = "$tmp/net.d"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
EOF
podman() {
	CONTAINERS_CONF=$tmp/containers.conf LD_LIBRARY_PATH=$tmp/root/usr/lib/x86_64-linux-gnu PATH=$tmp/root/usr/bin:$PATH \
		"$tmp/root/usr/bin/podman" --root "$tmp/storage" --runroot "$tmp/run" --tmpdir "$tmp/tmp" --storage-driver vfs "$@"
}

podman --version
echo "host-local $plugins"
{
	podman network create --subnet 10.9.0.0/24 --ip-range 10.9.0.252/30 net
	start=$(sed -n 's/.*"rangeStart": "\(.*\)".*/\1/p' net.d/net.conflist)
	end=$(sed -n 's/.*"rangeEnd": "\(.*\)".*/\1/p' net.d/net.conflist)
	echo "from $start to $end"
	for id in c1 c2 c3 c4; do
		CNI_COMMAND=ADD CNI_CONTAINERID=$id CNI_IFNAME=eth0 CNI_NETNS=/run/netns/n CNI_PATH=$tmp ./host-local <<EOF |
{"cniVersion": "1.0.0", "name": "net", "type": "host-local", "ipam": {"type": "host-local", "dataDir": "$tmp/leases",
 "subnet": "10.9.0.0/24", "rangeStart": "$start", "rangeEnd": "$end"}}
EOF
			sed -n 's/.*"\(address\|msg\)": "\(.*\)".*/\2/p' || true # the last one is rejected
	done
} | tee seen

diff - seen <<'EOF'
net
from 10.9.0.253 to 10.9.0.255
10.9.0.253/24
10.9.0.254/24
10.9.0.255/24
failed to allocate for range 0: no IP addresses available in range set: 10.9.0.253-10.9.0.255
EOF
