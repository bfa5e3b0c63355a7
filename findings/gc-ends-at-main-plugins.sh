#!/usr/bin/env bash
# The guess: with v1.10.0 of the CNI project's plugins, where host-local has a GC, a runtime
# that sends GC gets leaked addresses back. The plugins that call host-local pass on every
# command to it: ADD, DEL, CHECK, STATUS.
#
# What happened instead: all eight of these plugins pass on STATUS, but answer a GC with success
# themselves. The GC never reaches an IPAM plugin, not even the host-local of the same release.
#
# Why it matters: a successful GC says nothing about addresses. Authors of IPAM plugins cannot
# rely on the GC that they implement; operators need another way to find leaks.
set -euo pipefail

plugins=v1.10.0
main=(bridge dummy host-device ipvlan macvlan ptp tap vlan)

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

for name in "${main[@]}"; do
	CGO_ENABLED=0 GOBIN=$tmp go install \
		"github.com/containernetworking/plugins/plugins/main/$name@$plugins" 2>log || { cat log; exit 1; }
done

# An IPAM plugin that records the commands it receives.
mkdir ipam
cat >ipam/witness <<'EOF'
#!/bin/sh
echo "$CNI_COMMAND" >>arrived
EOF
chmod +x ipam/witness

echo "plugins $plugins"
for name in "${main[@]}"; do
	: >arrived
	for command in STATUS GC; do
		CNI_COMMAND=$command CNI_PATH=$tmp/ipam "./$name" <<EOF
{"cniVersion": "1.1.0", "name": "net", "type": "$name", "master": "lo", "device": "lo", "vlanId": 5,
 "cni.dev/valid-attachments": [], "cni.dev/attachments": [], "ipam": {"type": "witness"}}
EOF
	done
	printf '%s: %s\n' "$name" "$(paste -sd' ' arrived)"
done | tee seen

printf '%s: STATUS\n' "${main[@]}" | diff - seen
