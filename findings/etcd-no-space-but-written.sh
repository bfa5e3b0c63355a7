#!/usr/bin/env bash
# The guess: etcd answers "mvcc: database space exceeded" to a request that it rejects. A client that gets
# that answer knows that nothing was written, frees space, and tries again.
#
# What happened instead: with etcd 3.7.3 some of the keys whose put was answered so are there, with
# the new value. A member looks at the quota twice: before it proposes a request, and again before it
# applies it. The second time it applies the request whatever it finds, and then replaces the answer by
# the error. Requests that are under way together while the space runs out get that.
#
# Why it matters: a program that keeps addresses in etcd and takes the error for a "no" has given out
# nothing, and etcd has it as given: the address leaks; or the program counts an attempt that was one
# of two. The outcome is unknown, as after a timeout: ask for it, or make the request one that can be
# repeated.
set -euo pipefail

tmp=$(mktemp -d)
etcd=
clean_up() {
	{ [[ -z $etcd ]] || { kill -9 "$etcd" && wait "$etcd"; }; } 2>/dev/null || true
	chmod -R u+w "$tmp" && rm -rf "$tmp"
}
trap clean_up EXIT
cd "$tmp"

{
	go mod init finding
	go get go.etcd.io/etcd/server/v3@v3.7.3 go.etcd.io/etcd/etcdctl/v3@v3.7.3
	go build -o etcd go.etcd.io/etcd/server/v3
	go build -o etcdctl go.etcd.io/etcd/etcdctl/v3
} >log 2>&1 || { cat log; exit 1; }
./etcd --version | head -1
uname -sr
head -c 300000 /dev/zero | tr '\0' x >value

seen=0
for attempt in {1..40}; do
	rm -rf data ./*.put
	host=127.$((RANDOM % 250 + 1)).$((RANDOM % 250)).$attempt
	./etcd --data-dir data --quota-backend-bytes 2000000 --log-level error \
		--listen-client-urls "http://$host:2379" --advertise-client-urls "http://$host:2379" \
		--listen-peer-urls "http://$host:2380" --initial-advertise-peer-urls "http://$host:2380" \
		--initial-cluster "default=http://$host:2380" >etcd.log 2>&1 &
	etcd=$!
	export ETCDCTL_ENDPOINTS=http://$host:2379
	until ./etcdctl endpoint health >/dev/null 2>&1; do sleep 0.2; done

	puts=()
	for key in {1..16}; do
		{ ./etcdctl put "$key" <value >"$key.put" 2>&1 || true; } & # What it says is looked at below.
		puts+=($!)
	done
	wait "${puts[@]}"
	for key in {1..16}; do
		grep -q 'database space exceeded' "$key.put" || continue
		size=$(./etcdctl get "$key" --print-value-only | wc -c)
		if ((size > 0)); then
			echo "attempt $attempt: put of key $key: database space exceeded; get of key $key: $((size - 1)) bytes"
			seen=$((seen + 1))
		fi
	done
	{ kill -9 "$etcd" && wait "$etcd"; } 2>/dev/null || true # It says that it was killed.
	etcd=
	((seen == 0)) || break
done
((seen > 0)) || { echo "no key was written whose put had failed"; exit 1; }
