#!/usr/bin/env bash
# The guess: renameat2 with RENAME_EXCHANGE swaps two names in one step, or fails, as on a file
# system that does not have it. If it reports success, each name has what the other one had.
#
# What happened instead: on fuse-overlayfs 1.10, the exchange of a file with a directory of a lower
# layer reports success, and the directory is empty under its new name: its files are seen
# nowhere in the mount any more. The same exchange with the names in the other order is refused,
# with EXDEV, and so is one with another directory. The kernel's overlayfs refuses all of them.
#
# Why it matters: rootless containers have fuse-overlayfs where the kernel gives them no overlayfs,
# and what an image brings is the lower layer. A program that replaces a directory by an
# exchange, and keeps the old one in case, keeps nothing, and is told that all went well.
# Look into both directories after an exchange, or copy instead of it on FUSE.
set -euo pipefail

[[ $(id -u) == 0 ]] || { echo "needs root"; exit 1; }
[[ $(uname -m) == x86_64 ]] || { echo "needs an amd64 machine"; exit 1; }
debian=(fuse-overlayfs=1.10-1 libfuse3-3=3.14.0-4)

export LC_ALL=C
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

{
	apt-get download "${debian[@]}"
	for package in *.deb; do dpkg-deb -x "$package" root; done
} >log 2>&1 || { cat log; exit 1; }

cat >run <<'END'
set -euo pipefail
mount --make-rprivate /
mount -t tmpfs tmpfs layers # where the kernel's overlayfs accepts an upper layer
# exchange is renameat2(AT_FDCWD, $1, AT_FDCWD, $2, RENAME_EXCHANGE).
exchange() { perl -e '($a, $b) = @ARGV; syscall(316, -100, $a, -100, $b, 2) == 0 or print("$!\n"), exit 1' "$1" "$2"; }
# contents prints what can be read.
contents() {
	local file content
	for file in mount/* mount/*/*; do
		! content=$(cat "$file" 2>/dev/null) || echo "        ${file#*/} has $content"
	done
}
for kind in 'fuse-overlayfs' 'overlayfs'; do
	mkdir -p "layers/$kind"/{lower/old,upper,work}
	echo 1 >"layers/$kind/lower/old/a"
	options=lowerdir=layers/$kind/lower,upperdir=layers/$kind/upper,workdir=layers/$kind/work
	if [[ $kind == overlayfs ]]; then
		mount -t overlay -o "$options" overlay mount
	else
		LD_LIBRARY_PATH=$PWD/root/lib/x86_64-linux-gnu \
			root/usr/bin/fuse-overlayfs -o "$options" mount 2>/dev/null # It says which options it ignores.
	fi
	mkdir mount/new
	echo 2 >mount/new/b
	echo 3 >mount/file
	echo "$kind"
	contents
	for pair in 'old new' 'new old' 'old file' 'file old'; do
		read -r one other <<<"$pair"
		error=$(exchange "mount/$one" "mount/$other") && error=done
		echo "    $one with $other: $error"
		contents
	done
	umount mount
done
END
mkdir layers mount
LD_LIBRARY_PATH=$tmp/root/lib/x86_64-linux-gnu root/usr/bin/fuse-overlayfs --version 2>&1 | sed -n 's/^fuse-overlayfs: /fuse-overlayfs /p'
uname -sr
unshare --mount --pid --fork --kill-child bash run | tee seen

diff - seen <<'END'
fuse-overlayfs
        file has 3
        new/b has 2
        old/a has 1
    old with new: Invalid cross-device link
        file has 3
        new/b has 2
        old/a has 1
    new with old: Invalid cross-device link
        file has 3
        new/b has 2
        old/a has 1
    old with file: Invalid cross-device link
        file has 3
        new/b has 2
        old/a has 1
    file with old: done
        old has 3
        new/b has 2
overlayfs
        file has 3
        new/b has 2
        old/a has 1
    old with new: Invalid cross-device link
        file has 3
        new/b has 2
        old/a has 1
    new with old: Invalid cross-device link
        file has 3
        new/b has 2
        old/a has 1
    old with file: Invalid cross-device link
        file has 3
        new/b has 2
        old/a has 1
    file with old: Invalid cross-device link
        file has 3
        new/b has 2
        old/a has 1
END
