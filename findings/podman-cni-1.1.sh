#!/usr/bin/env bash
# The guess: a program that supports CNI up to 1.0.0 rejects a configuration with cniVersion
# 1.1.0 when it reads it, because plugins answer in the version of their configuration.
#
# What happened instead: podman 4.3.1 accepts the network, lists it and calls its plugins, which
# succeed. Only then does it fail to decode their result: the container does not start, and the
# attachment is removed again.
#
# Why it matters: commands that only read configurations, including podman network ls and
# inspect, do not show that no container can use the network, and the message blames a plugin
# that is not at fault. On Debian 12 leave cniVersion at 1.0.0, even if the plugins support
# 1.1.0.
set -euo pipefail

[[ $(id -u) == 0 ]] || { echo "needs root"; exit 1; }
plugins=v1.10.0
debian=(
	podman=4.3.1+ds1-8+deb12u1+b3 conmon=2.1.6+ds1-1 crun=1.8.1-1+deb12u1
	libgpgme11=1.18.0-3+deb12u1 libassuan0=2.5.5-5 libsubid4=1:4.13+dfsg1-1+deb12u2 libyajl2=2.1.0-3+deb12u2
	golang-github-containers-common=0.50.1+ds1-4 busybox-static=1:1.35.0-4+deb12u1+b1
)

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

{
	apt-get download "${debian[@]}"
	for package in *.deb; do dpkg-deb -x "$package" root; done
	for plugin in main/bridge ipam/host-local; do
		CGO_ENABLED=0 GOBIN=$tmp/plugins go install "github.com/containernetworking/plugins/plugins/$plugin@$plugins"
	done
} >log 2>&1 || { cat log; exit 1; }

cat >containers.conf <<EOF
[network]
network_backend = "cni"
network_config_dir = "$tmp/net.d"
cni_plugin_dirs = ["$tmp/witness", "$tmp/plugins"]
[engine]
cgroup_manager = "cgroupfs"
conmon_path = ["$tmp/root/usr/bin/conmon"]
events_logger = "none"
lock_type = "file"
[engine.runtimes]
crun = ["$tmp/root/usr/bin/crun"]
EOF
mkdir -p rootfs/{bin,dev,etc,proc,run,sys,tmp} net.d witness
cp root/bin/busybox rootfs/bin
for version in 1.0.0 1.1.0; do
	cat >"net.d/net-$version.conflist" <<EOF
{"cniVersion": "$version", "name": "net-$version", "plugins": [
 {"type": "bridge", "bridge": "br-$version", "ipam": {"type": "host-local", "subnet": "10.9.0.0/24", "dataDir": "$tmp/leases"}}]}
EOF
done
cat >witness/bridge <<EOF
#!/bin/sh
result=\$($tmp/plugins/bridge)
status=\$?
[ "\$CNI_COMMAND" = VERSION ] || echo "    bridge: \$CNI_COMMAND, exit status \$status" >>$tmp/calls
echo "\$result"
exit \$status
EOF
chmod +x witness/bridge

cat >run <<'EOF'
set -euo pipefail
mount --make-rprivate /
mount -t proc proc /proc
# crun rejects a machine that uses both versions of cgroups.
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir /run/lib
mount --bind /run/lib /var/lib
export CONTAINERS_CONF=$PWD/containers.conf LD_LIBRARY_PATH=$PWD/root/usr/lib/x86_64-linux-gnu
podman() { root/usr/bin/podman --root /run/root --runroot /run/containers --storage-driver vfs "$@"; }
podman network ls --quiet --filter name=net-
for version in 1.0.0 1.1.0; do
	echo "cniVersion $version"
	podman run --rm --cgroups=disabled --network "net-$version" --rootfs "$PWD/rootfs" /bin/busybox echo '    it runs' ||
		echo "    exit status $?"
	cat calls
	: >calls
done
EOF
root=$tmp/root
LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu "$root/usr/bin/podman" --version
unshare --net --mount --pid --ipc --fork --kill-child bash run 2>&1 | grep -v level=warning | tee seen

diff - seen <<'EOF'
net-1.0.0
net-1.1.0
cniVersion 1.0.0
    it runs
    bridge: ADD, exit status 0
    bridge: DEL, exit status 0
cniVersion 1.1.0
Error: plugin type="bridge" failed (add): unsupported CNI result version "1.1.0"
    exit status 126
    bridge: ADD, exit status 0
    bridge: DEL, exit status 0
EOF
