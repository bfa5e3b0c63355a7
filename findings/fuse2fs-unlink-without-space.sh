#!/usr/bin/env bash
# The guess: a full disk always lets files be removed. That is how it gets space again.
#
# What happened instead: on a full ext4 under fuse2fs, removing a file fails with "No space left
# on device" while somebody has it open. libfuse does not remove such a file but renames it to
# .fuse_hidden…, and fuse2fs wants free blocks for any rename. The same file is removed without
# complaint once it is closed. That is no exception for odd programs: the kernel tells a FUSE
# server of a close later than close(2) returns, so a program that reads a file, closes it and
# removes it sees this error now and then.
#
# Why it matters: a cleaner that looks into a file before it removes it, as most do, can fail
# on just the disk for which it was made, and succeed when somebody looks. Waiting a
# millisecond and trying again suffices.
set -euo pipefail

[[ $(id -u) == 0 ]] || { echo "needs root"; exit 1; }
debian=(fuse2fs=1.47.0-2+b2 e2fsprogs=1.47.0-2+b2 libext2fs2=1.47.0-2+b2 libcom-err2=1.47.0-2+b2 libss2=1.47.0-2+b2 libfuse2=2.9.9-6+b1)

export LC_ALL=C
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

{
	apt-get download "${debian[@]}"
	for package in *.deb; do dpkg-deb -x "$package" root; done
	LD_LIBRARY_PATH=$(printf '%s:' root/lib/*-linux-gnu root/usr/lib/*-linux-gnu)
	export LD_LIBRARY_PATH
	truncate -s 32M image
	root/sbin/mke2fs -q -t ext4 -O ^has_journal image
	mkdir disk
} >log 2>&1 || { cat log; exit 1; }

cat >run <<'END'
set -euo pipefail
mount --make-rprivate /
root/usr/bin/fuse2fs image disk -o rw,fakeroot
trap 'umount disk' EXIT
cd disk
echo closed >closed
echo open >open
for size in 1M 4k 1; do dd if=/dev/zero of="fill-$size" bs="$size" status=none || true; done 2>/dev/null
exec 3<open
error=$(rm open 2>&1) && echo 'open: removed' || echo "open: ${error#*: }"
error=$(rm closed 2>&1) && echo 'closed: removed' || echo "closed: ${error#*: }"
exec 3<&-
sleep 1
error=$(rm open 2>&1) && echo 'no longer open: removed' || echo "no longer open: ${error#*: }"
cd ..
END
version=$(root/usr/bin/fuse2fs --version 2>&1 || true)
echo "${version%%$'\n'*}"
uname -sr
unshare --mount --pid --fork --kill-child bash run | tee seen

diff - seen <<'END'
open: cannot remove 'open': No space left on device
closed: removed
no longer open: removed
END
