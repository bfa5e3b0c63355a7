#!/usr/bin/env bash
# The guess: the GC of the stock host-local plugin, new in v1.10.0, releases addresses, so it
# removes only files that are named after an address.
#
# What happened instead: it removes every regular file in the network's directory whose content
# is not an attachment in the runtime's list, whatever its name; it spares only "lock" and names
# that begin with "last_reserved_ip.". The first GC removes a README, a backup of the leases and
# any other program's file, without a message.
#
# Why it matters: for ten years other files were safe in that directory, because DEL removes
# only files that contain the ID of the container. A program that keeps files there must move
# them to a subdirectory before its nodes get v1.10.0: GC leaves directories alone.
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
