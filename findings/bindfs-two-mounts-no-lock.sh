#!/usr/bin/env bash
# The guess: bindfs is mount --bind with other permissions. Two mounts of one directory show the
# same files, so a program that locks one with flock(2) keeps out those at the other mount.
#
# What happened instead: with bindfs 1.14.7 both get the exclusive lock at once, as does a
# program at the directory itself. The kernel keeps flock on FUSE for each mount, unless
# bindfs is told --multithreaded --enable-lock-forwarding; then all of them share one lock.
#
# Why it matters: each program sees a lock that works, and tests with one mount pass. IPAM plugins
# and runtimes protect their directories by flock. Where two containers see such a directory
# through mounts of their own, nothing protects it. Give both the same mount, or forward the
# locks, of which bindfs' manual page has the caveats.
set -euo pipefail

[[ $(id -u) == 0 ]] || { echo "needs root"; exit 1; }
debian=(bindfs=1.14.7-1 libfuse3-3=3.14.0-4)

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

{
	apt-get download "${debian[@]}"
	for package in *.deb; do dpkg-deb -x "$package" root; done
} >log 2>&1 || { cat log; exit 1; }
mkdir directory fuse-1 fuse-2 forwarding-1 forwarding-2 bind
touch directory/lock

cat >run <<'END'
set -euo pipefail
mount --make-rprivate /
bindfs() { LD_LIBRARY_PATH=$PWD/root/lib/x86_64-linux-gnu:$PWD/root/usr/lib/x86_64-linux-gnu root/usr/bin/bindfs "$@"; }
bindfs directory fuse-1
bindfs directory fuse-2
bindfs --multithreaded --enable-lock-forwarding directory forwarding-1
bindfs --multithreaded --enable-lock-forwarding directory forwarding-2
mount --bind directory bind
# both LOCKED OTHER tries OTHER while LOCKED is locked.
both() {
	local answer=refused
	exec 9<"$1/lock"
	flock --exclusive --nonblock 9
	! flock --exclusive --nonblock "$2/lock" true || answer='locked too'
	exec 9<&-
	echo "$1 is locked, and $2: $answer"
}
both directory bind
both fuse-1 fuse-1
both fuse-1 fuse-2
both fuse-1 directory
both forwarding-1 forwarding-2
both forwarding-1 directory
umount fuse-1 fuse-2 forwarding-1 forwarding-2
END
LD_LIBRARY_PATH=$tmp/root/lib/x86_64-linux-gnu:$tmp/root/usr/lib/x86_64-linux-gnu root/usr/bin/bindfs --version
uname -sr
unshare --mount --pid --fork --kill-child bash run | tee seen

diff - seen <<'END'
directory is locked, and bind: refused
fuse-1 is locked, and fuse-1: refused
fuse-1 is locked, and fuse-2: locked too
fuse-1 is locked, and directory: locked too
forwarding-1 is locked, and forwarding-2: refused
forwarding-1 is locked, and directory: refused
END
