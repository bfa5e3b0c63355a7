#!/usr/bin/env bash
# The guess: a program takes as long as a copy of it. They are the same bytes in the page cache.
#
# What happened instead: a short Go program that the linker has just written takes up to 1.08 times as
# long to run as a copy of it made by cp (1.05 to 1.08), on ext4 under Linux 6.18. The linker writes its output
# through a mapping, which fills the page cache page by page; cp writes large pieces, which ext4
# keeps in large folios since Linux 6.16 (XFS since 5.18). Whatever runs the program maps it anew,
# and maps a large folio at once. Once the file has left the cache and is read again, most of the
# difference is gone.
#
# Why it matters: "go build, then measure" compares a program as no user has it, and two builds
# of which one was copied (to a bin directory on another disk, into a container) differ by more
# than most changes that are measured. For programs that run for milliseconds, measure copies.
set -euo pipefail

plugin=github.com/containernetworking/plugins/plugins/ipam/host-local@v1.10.0
export GOTOOLCHAIN=go1.26.8 CGO_ENABLED=0 GOFLAGS=-modcacherw

tmp=$(mktemp -d -p "${TMPDIR:-/var/tmp}")
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
# The linker writes where GOTMPDIR is, and go moves the program from there by a rename.
mkdir build
export GOTMPDIR=$tmp/build GOBIN=$tmp/bin GOCACHE=$tmp/cache

kind=$(findmnt -no FSTYPE -T "$tmp")
uname -sr
go version
echo "on $kind"
[[ $kind == ext4 || $kind == xfs ]] || { echo "needs a TMPDIR on ext4 or XFS"; exit 1; }

cat >go.mod <<'END'
module pairs

go 1.26
END
cat >main.go <<'END'
// Pairs runs two programs by turns and prints the median of the ratios of their times.
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"slices"
	"time"
)

func run(path string) time.Duration {
	c := exec.Command(path)
	c.Env = []string{"CNI_COMMAND=VERSION"}
	began := time.Now()
	if err := c.Run(); err != nil {
		log.Fatal(err)
	}
	return time.Since(began)
}

func main() {
	var ratios []float64
	for i := range 500 {
		first, second := i%2, 1-i%2
		var took [2]time.Duration
		took[first] = run(os.Args[1+first])
		took[second] = run(os.Args[1+second])
		ratios = append(ratios, float64(took[0])/float64(took[1]))
	}
	slices.Sort(ratios)
	fmt.Printf("%.2f\n", ratios[len(ratios)/2])
}
END
{ go build -o pairs . && go install "$plugin"; } >log 2>&1 || { cat log; exit 1; }
cp bin/host-local copy
cp bin/host-local another

linked=$(./pairs bin/host-local ./copy)
same=$(./pairs ./another ./copy)
echo "linked / copy: $linked"
echo "another copy / copy: $same"
awk -v linked="$linked" -v same="$same" 'BEGIN { exit !(linked >= 1.03 && same >= 0.97 && same <= 1.03) }'
