#!/usr/bin/env bash
# The guess: /proc/locks is like other files of /proc. A read prints what the kernel has in memory, in
# microseconds, so a program may look there for the waiters of a lock before each request, as lslocks
# does, and a monitor may read it every second.
#
# What happened instead: a read that comes after a pause waits for milliseconds, thousands of times
# as long as a read of /proc/mounts: to stop all changes of locks the kernel takes a per-CPU semaphore for
# writing, which waits for a grace period of RCU. Reads one right after the other share that, so a
# loop that measures it shows microseconds.
#
# Why it matters: a benchmark of the loop says that it costs nothing, and in the program each request
# takes several milliseconds longer. F_OFD_GETLK tells of a waiter that has announced itself, in
# microseconds.
set -euo pipefail

debian=(perl-base=5.36.0-7+deb12u3)

export LC_ALL=C
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

{
	apt-get download "${debian[@]}"
	for package in *.deb; do dpkg-deb -x "$package" root; done
} >log 2>&1 || { cat log; exit 1; }

cat >run <<'END'
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep);
# took FILE PAUSE: the median of the microseconds of 101 reads, with pauses between them.
sub took {
	my ($file, $pause) = @_;
	my @took;
	for (1 .. 101) {
		sleep $pause;
		my $began = clock_gettime(CLOCK_MONOTONIC);
		open my $f, "<", $file or die "$file: $!\n";
		my @lines = <$f>;
		close $f;
		push @took, 1e6 * (clock_gettime(CLOCK_MONOTONIC) - $began);
	}
	return (sort { $a <=> $b } @took)[50];
}
for my $file ("/proc/mounts", "/proc/locks") {
	my ($often, $seldom) = (took($file, 0), took($file, 0.05));
	printf STDERR "%s: %.0f us one after the other, %.0f us with pauses\n", $file, $often, $seldom;
	printf "%s: %s with pauses\n", $file, $seldom > 20 * $often ? "more than 20 times as long" : "of the same order";
}
END
echo "${debian[*]}"
uname -sr
"$tmp/root/usr/bin/perl" -I"$tmp/root/usr/lib/x86_64-linux-gnu/perl-base" run | tee seen

diff - seen <<'END'
/proc/mounts: of the same order with pauses
/proc/locks: more than 20 times as long with pauses
END
