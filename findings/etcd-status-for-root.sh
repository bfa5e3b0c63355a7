#!/usr/bin/env bash
# The guess: what a user without the role root may ask of etcd grows or shrinks with the major changes of a
# version, so a client that works with a server of one version works with a later patch of it, and with the next.
#
# What happened instead: with authentication on, such a user may ask for the status of a member (version,
# leader, index of the log) in 3.5.21, not in 3.6.5, and again in 3.6.16: a patch release took it away, and
# a later one gave it back.
#
# Why it matters: programs that look at the status before they use a member, and health checks, fail with
# "permission denied" on every member after an upgrade, although reading and writing keys still works; and
# the role that people then grant is root.
set -euo pipefail

versions=(v3.5.21 v3.6.5 v3.6.16)

export LC_ALL=C CGO_ENABLED=0 GOFLAGS=-mod=mod
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

seen() (
	server=
	trap '[[ -z $server ]] || kill "$server"' EXIT
	for version in "${versions[@]}"; do
		mkdir "$version"
		(
			cd "$version"
			printf 'module example.org/status\ngo 1.24\n' >go.mod
			for program in server:etcd etcdctl:etcdctl; do
				go get "go.etcd.io/etcd/${program%:*}/v3@$version"
				go build -o "${program#*:}" "go.etcd.io/etcd/${program%:*}/v3"
			done
		) >"$version.log" 2>&1 || { cat "$version.log"; exit 1; }
		"$version/etcd" --data-dir "$version/data" --unsafe-no-fsync --bcrypt-cost 4 --log-level error \
			--listen-client-urls http://127.54.1.9:2379 --advertise-client-urls http://127.54.1.9:2379 \
			--listen-peer-urls http://127.54.1.9:2380 --initial-advertise-peer-urls http://127.54.1.9:2380 \
			--initial-cluster default=http://127.54.1.9:2380 >"$version.log" 2>&1 &
		server=$!
		ctl() { "$version/etcdctl" --endpoints http://127.54.1.9:2379 "$@"; }
		for _ in {1..100}; do
			! ctl endpoint status >/dev/null 2>&1 || break
			sleep 0.1
		done
		{
			for user in root reader; do
				ctl role add "$user"
				ctl user add "$user:secret"
				ctl user grant-role "$user" "$user"
			done
			ctl role grant-permission reader --prefix=true readwrite /keys/
			ctl auth enable
		} >/dev/null
		echo "$version"
		echo "    put a key: $(ctl --user reader:secret put /keys/a 1)"
		if answer=$(ctl --user reader:secret endpoint status 2>&1); then
			echo "    endpoint status: allowed"
		elif [[ $answer == *'permission denied'* ]]; then
			echo "    endpoint status: permission denied"
		else
			echo "    endpoint status: $answer"
		fi
		kill "$server"
		wait "$server" || true
		server=
	done
)
seen | tee output

diff - output <<'END'
v3.5.21
    put a key: OK
    endpoint status: allowed
v3.6.5
    put a key: OK
    endpoint status: permission denied
v3.6.16
    put a key: OK
    endpoint status: allowed
END
