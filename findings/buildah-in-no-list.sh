#!/usr/bin/env bash
# The guess: the container ID of an attachment is an ID that the container engine lists.
# buildah and podman share their storage, and podman ps --external shows buildah's
# containers, so its list is complete.
#
# What happened instead: for each command of a build, buildah calls CNI with another ID,
# "buildah-buildah" and a number. Neither buildah containers nor podman ps nor podman ps
# --external ever shows this ID or name.
#
# Why it matters: by default builds use the same network as containers, podman. A garbage
# collection that releases the leases of containers not on that list takes the addresses of
# running builds. Spare IDs that begin with "buildah-", or leases younger than a build takes.
set -euo pipefail

[[ $(id -u) == 0 ]] || { echo "needs root"; exit 1; }
plugins=v1.10.0
debian=(
	buildah=1.28.2+ds1-3+deb12u1+b3 podman=4.3.1+ds1-8+deb12u1+b3 conmon=2.1.6+ds1-1 crun=1.8.1-1+deb12u1
	libgpgme11=1.18.0-3+deb12u1 libassuan0=2.5.5-5 libsubid4=1:4.13+dfsg1-1+deb12u2 libyajl2=2.1.0-3+deb12u2
	golang-github-containers-common=0.50.1+ds1-4 golang-github-containers-image=5.23.1-4
	busybox-static=1:1.35.0-4+deb12u1+b1
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

mkdir -p rootfs/{bin,dev,etc,proc,run,sys,tmp} net.d
cp root/bin/busybox rootfs/bin
cat >net.d/87-podman.conflist <<EOF
{"cniVersion": "1.0.0", "name": "podman", "plugins": [
 {"type": "bridge", "bridge": "cni-podman0", "ipam": {"type": "host-local", "subnet": "10.88.0.0/16", "dataDir": "$tmp/leases"}}]}
EOF
cat >containers.conf <<EOF
[network]
network_backend = "cni"
network_config_dir = "$tmp/net.d"
cni_plugin_dirs = ["$tmp/plugins"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
EOF
# Without cgroups, which not every machine provides.
cat >runtime <<EOF
#!/bin/sh
exec $tmp/root/usr/bin/crun --cgroup-manager=disabled "\$@"
EOF
chmod +x runtime

cat >run <<'EOF'
set -euo pipefail
mount --make-rprivate /
mount -t proc proc /proc
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir /run/lib
mount --bind /run/lib /var/lib
export CONTAINERS_CONF=$PWD/containers.conf LD_LIBRARY_PATH=$PWD/root/usr/lib/x86_64-linux-gnu
export CONTAINERS_REGISTRIES_CONF=/dev/null
storage=(--root /run/root --runroot /run/containers --storage-driver vfs)
buildah() { root/usr/bin/buildah "${storage[@]}" "$@"; }
podman() { root/usr/bin/podman "${storage[@]}" "$@"; }
# number replaces the number, which differs in each run.
number() { sed -E 's/[0-9a-f]{64}/ID/; s/buildah[0-9]+/buildahN/'; }

container=$(buildah from scratch)
buildah copy --quiet "$container" "$PWD/rootfs" / >/dev/null
buildah run --isolation oci --runtime "$PWD/runtime" "$container" -- /bin/busybox sleep 1000 >sleep 2>&1 &
while ! compgen -G 'leases/podman/10.88.*' >/dev/null; do
	kill -0 $! || { cat sleep; exit 1; }
	sleep 0.1
done
echo 'leased to:'
head -qn 1 leases/podman/10.88.* | tr -d "\r" | number
echo 'buildah containers:'
buildah containers --notruncate --format '{{.ContainerID}} {{.ContainerName}}' | tr -s " " | number
echo 'podman ps:'
podman ps --all --no-trunc --format '{{.ID}} {{.Names}}' | tr -s " " | number
echo 'podman ps --external:'
podman ps --all --external --no-trunc --format '{{.ID}} {{.Names}}' | tr -s " " | number
EOF
for program in buildah podman; do
	LD_LIBRARY_PATH=$tmp/root/usr/lib/x86_64-linux-gnu "$tmp/root/usr/bin/$program" --version
done
unshare --net --mount --pid --ipc --fork --kill-child bash run 2>&1 | tee seen

diff - seen <<'EOF'
leased to:
buildah-buildahN
buildah containers:
ID working-container
podman ps:
podman ps --external:
ID working-container
EOF
