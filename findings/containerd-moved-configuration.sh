#!/usr/bin/env bash
# The guess: containerd watches the directory of CNI configurations. To replace one atomically,
# write it in another directory and rename it into that one.
#
# What happened instead: containerd 2.4.2 notices a file that is written in the directory or
# renamed within it. It does not notice a file that is renamed into it from another directory
# of the same file system: it continues with the old configuration until something else in the
# directory changes, or until it restarts.
#
# Why it matters: new pods get another network than the one in the file that an operator reads,
# without a message. Write the new file in the directory itself, under a name that does not end
# in .conf, .conflist or .json, and rename it there.
set -euo pipefail

[[ $(id -u) == 0 ]] || { echo "needs root"; exit 1; }
containerd=v2.4.2
crictl=v1.37.0

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

{
	CGO_ENABLED=0 GOBIN=$tmp go install "github.com/containerd/containerd/v2/cmd/containerd@$containerd" &&
		CGO_ENABLED=0 GOBIN=$tmp go install "sigs.k8s.io/cri-tools/cmd/crictl@$crictl"
} >log 2>&1 || { cat log; exit 1; }

mkdir net.d
cat >config.toml <<EOF
version = 3
root = "$tmp/root"
state = "$tmp/state"
disabled_plugins = ["io.containerd.nri.v1.nri"]
[grpc]
address = "$tmp/socket"
[plugins."io.containerd.cri.v1.images"]
snapshotter = "native"
[plugins."io.containerd.cri.v1.runtime".cni]
conf_dir = "$tmp/net.d"
EOF

cat >run <<'EOF'
set -euo pipefail
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
network() { printf '{"cniVersion": "1.0.0", "name": "%s", "plugins": [{"type": "bridge"}]}\n' "$1"; }
info() { ./crictl --runtime-endpoint "unix://$PWD/socket" info 2>/dev/null; }
# used waits for the network $2, which is used at once or never, and prints the one in use.
used() {
	local name='' i
	for ((i = 0; i < 50; i++)); do
		name=$(info | sed -n 's/^ *"Name": "\(net-.*\)",$/\1/p')
		[[ $name != "$2" ]] || break
		sleep 0.2
	done
	echo "$1: $name"
}
network net-1 >net.d/10-net.conflist
./containerd --config config.toml >containerd.log 2>&1 &
until info >/dev/null; do
	kill -0 $! || { cat containerd.log; exit 1; }
	sleep 0.2
done
used 'at the start' net-1
network net-2 >net.d/10-net.conflist
used 'written' net-2
network net-3 >net.d/new && mv net.d/new net.d/10-net.conflist
used 'renamed in the directory' net-3
network net-4 >new && mv new net.d/10-net.conflist
used 'moved from another directory' net-4
touch net.d/other
used 'something else was made' net-4
echo >net.d/other
used 'something else was written' net-4
EOF
./containerd --version
unshare --net --mount --pid --ipc --fork --kill-child bash run | tee seen

diff - seen <<'EOF'
at the start: net-1
written: net-2
renamed in the directory: net-3
moved from another directory: net-3
something else was made: net-3
something else was written: net-4
EOF
