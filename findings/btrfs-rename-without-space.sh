#!/usr/bin/env bash
# The guess: once a file was written to a temporary name, giving it its own name needs no space.
# A disk on which a file can be created and written is one on which it can be replaced, too.
#
# What happened instead: on a btrfs whose metadata is nearly full, files are created, written and
# synced, and only the rename fails, with "No space left on device". It has to reserve more
# metadata than any other step. To link the file to its new name and unlink the old one
# works in the same moment.
#
# Why it matters: whatever writes a state file aside and renames it, as plugins and runtimes do,
# fails at the last step, each time, and may leave its temporary files, while df shows space. A
# health check that creates a file does not notice: it has to try a rename. Where the new name
# is not taken, link and unlink do the same with less.
set -euo pipefail

[[ $(id -u) == 0 ]] || { echo "needs root"; exit 1; }
debian=(btrfs-progs=6.2-1+deb12u2)

export LC_ALL=C
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

{
	apt-get download "${debian[@]}"
	for package in *.deb; do dpkg-deb -x "$package" root; done
	truncate -s 128M image
	mkdir disk
	root/sbin/mkfs.btrfs --metadata single image
} >log 2>&1 || { cat log; exit 1; }

cat >run <<'END'
set -euo pipefail
mount --make-rprivate /
mount -o loop image disk
cd disk
# Small files are kept in metadata.
content=$(printf '%1900s' '')
files=0
while echo "$content" >"fill-$files"; do files=$((files + 1)); done 2>/dev/null
sync
# Where it is quite full, files cannot be created either: make some room.
for ((i = 1; i <= 200; i++)); do rm "fill-$((files - i))"; done
sync
for try in 1 2 3; do
	echo "try $try"
	echo text >"temporary-$try" && sync -f "temporary-$try" && echo '    created, written and synced'
	error=$(mv "temporary-$try" "state-$try" 2>&1) && echo '    renamed' || echo "    ${error#*: }"
	ln "temporary-$try" "state-$try" && rm "temporary-$try" && sync -f "state-$try" && echo '    linked, unlinked and synced'
done
END
root/sbin/mkfs.btrfs --version
uname -sr
unshare --mount --pid --fork --kill-child bash run | tee seen

for try in 1 2 3; do
	cat <<END
try $try
    created, written and synced
    cannot move 'temporary-$try' to 'state-$try': No space left on device
    linked, unlinked and synced
END
done | diff - seen
