#!/usr/bin/env bash
# The guess: a rename changes the modification times of the two parent directories, and not of what
# is renamed, whose content stays as it is. So the time of a directory tells whether a name in it
# was added or removed since, wherever it was moved.
#
# What happened instead: on XFS, a directory that changes places with a file of another directory
# (renameat2 with RENAME_EXCHANGE, mv --exchange) gets the present time. An ordinary rename into
# another directory leaves the time alone, as does an exchange within one directory; and ext4 and
# btrfs leave it alone always.
#
# Why it matters: programs that swap a directory into place atomically, as a migration of a store or
# an upgrade of a tree does, and check by its time that nothing has changed it, fail on XFS only,
# each time; and a backup takes the directory for a changed one.
set -euo pipefail

[[ $(id -u) == 0 ]] || { echo "needs root"; exit 1; }
[[ $(uname -m) == x86_64 ]] || { echo "needs amd64, for the number of a system call"; exit 1; }
debian=(xfsprogs=6.1.0-1 e2fsprogs=1.47.0-2+b2 btrfs-progs=6.2-1+deb12u2)

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
# renameat2(AT_FDCWD, from, AT_FDCWD, to, flags); 2 is RENAME_EXCHANGE.
move() { perl -e 'syscall(316, -100, $ARGV[0], -100, $ARGV[1], $ARGV[2] + 0) == 0 or die "$!\n"' "$@"; }
# try WHAT FROM TO FLAGS: does the directory FROM have another time when it is at TO?
try() {
	rm -rf a b
	mkdir -p a/directory b
	echo text >a/file
	echo text >b/file
	touch -d 2026-01-01 a/directory
	move "$2" "$3" "$4"
	if [[ $(stat -c %y "$3") == 2026-01-01* ]]; then echo "    $1: the same time"; else echo "    $1: another time"; fi
}
for kind in xfs ext4 btrfs; do
	echo "$kind"
	truncate -s 400M image
	case $kind in
	xfs) root/sbin/mkfs.xfs -q -f image ;;
	ext4) root/sbin/mkfs.ext4 -q -F image ;;
	btrfs) root/sbin/mkfs.btrfs -q -f image >/dev/null ;;
	esac
	mkdir -p disk
	mount -o loop image disk
	(
		cd disk
		try "renamed into another directory" a/directory b/directory 0
		try "exchanged within a directory" a/directory a/file 2
		try "exchanged with a file of another directory" a/directory b/file 2
	)
	umount disk
done
END
echo "${debian[*]}"
uname -sr
unshare --mount --pid --fork --kill-child bash run | tee seen

for kind in xfs ext4 btrfs; do
	[[ $kind == xfs ]] && exchanged=another || exchanged='the same'
	cat <<END
$kind
    renamed into another directory: the same time
    exchanged within a directory: the same time
    exchanged with a file of another directory: $exchanged time
END
done | diff - seen
