#!/usr/bin/env bash
# The guess: the GC of the stock host-local plugin, new in v1.10.0, releases addresses, so it
# removes files that are named after an address.
#
# What happened instead: it removes every regular file of the network's directory whose text is
# not an attachment in the runtime's list, whatever its name; only "lock" and names that begin
# with "last_reserved_ip." are spared. A README, a backup of the leases and another program's
# file go with the first GC that arrives, without a message.
#
# Why it matters: for ten years that directory was safe for other things, because DEL removes
# only what holds the ID of the container. Whatever keeps files there has to move them to a
# subdirectory before its nodes get v1.10.0: directories are left alone.
set -euo pipefail

plugins=v1.10.0

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

CGO_ENABLED=0 GOBIN=$tmp go install \
	"github.com/containernetworking/plugins/plugins/ipam/host-local@$plugins" 2>log || { cat log; exit 1; }

# host_local COMMAND ID [KEYS]
host_local() {
	CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/n CNI_PATH=$tmp ./host-local <<EOF
{"cniVersion": "1.1.0", "name": "net", "type": "host-local",
 "ipam": {"type": "host-local", "dataDir": "$tmp/networks", "subnet": "10.1.0.0/24"}${3-}}
EOF
}

echo "host-local $plugins"
{
	host_local ADD c1 >result
	echo 'These are leases: ask the network team.' >networks/net/README
	mkdir networks/net/notes
	cp networks/net/README networks/net/notes
	cp networks/net/10.1.0.2 networks/net/10.1.0.2.orig
	echo '{}' >networks/net/agent-state.json
	echo before: && (cd networks/net && find . -type f | sort)
	host_local GC '' ', "cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}]'
	echo after: && (cd networks/net && find . -type f | sort)
} 2>&1 | tee seen

diff - seen <<'EOF'
before:
./10.1.0.2
./10.1.0.2.orig
./README
./agent-state.json
./last_reserved_ip.0
./lock
./notes/README
after:
./10.1.0.2
./10.1.0.2.orig
./last_reserved_ip.0
./lock
./notes/README
EOF
