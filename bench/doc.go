// Package bench compares what the stores cost.
//
// It has benchmarks only:
//
//	go test -short -bench . ./bench
//
// BenchmarkStore runs the benchmark functions of package backendtest, which see a store
// through backend.Store and nothing else, on every store of this module and at many
// fills. BenchmarkAllocate has goroutines share a store, BenchmarkCreate and
// BenchmarkMigrate make stores at once.
//
// Names are made of key=value pairs, so that benchstat can put the stores side by
// side:
//
//	go test -short -bench . -count 6 ./bench > out.txt
//	go run golang.org/x/perf/cmd/benchstat@latest -col /store out.txt
//
// .ci/bench puts this tree beside an earlier commit.
//
// # Caveats
//
// The stores are made below the directory for temporary files. Where that is a
// tmpfs, syncs cost nothing, and the numbers say little about a disk: set TMPDIR.
//
// A container runtime does not call a store; it executes a plugin. The command in
// bench/compare measures that, beside the CNI project's plugin. It is a module of
// its own, so that what it is compared with stays out of this one. What sharing a range
// costs is measured in the module cluster, in its internal/bench.
package bench
