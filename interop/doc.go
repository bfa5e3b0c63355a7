// Package interop tests our plugin together with the plugins of the CNI project, as
// executables and through the library that container runtimes use.
//
// It has only tests, and is a separate Go module to keep the other projects out of the
// product's dependencies. The tests build everything they need, including the product. To
// run them:
//
//	go test ./...            # two minutes on two cores
//	go test -short ./...     # half of it
//	go test -run TestSameHistory -seed 7 ./...
//	LEASEHOLD_PODMAN=1 go test -run TestPodman . # with the Podman of Debian 12
//	LEASEHOLD_CONTAINERD=1 go test -timeout 30m -run TestContainerd . # builds containerd first
//
// What the tests check:
//
//   - Both plugins can use one directory at the same time, and no address is ever held
//     twice (mixed_test.go, concurrent_test.go).
//   - Our plugin can be killed at any call, and a stock plugin of either version can run
//     next, also with a GC: nothing is incomplete or leaked (killed_linux_test.go).
//   - For the same history both give the same addresses and results, in every version of
//     CNI (history_test.go, results_test.go).
//   - Both accept the same configurations. A table lists the exceptions with reasons
//     (acceptance_test.go, and the corpus in corpus_*_test.go).
//   - Where the plugins behave differently, they do so as DESIGN.md says
//     (differences_test.go).
//   - The stock plugin's own tests pass with our plugin on both stores. A table lists the
//     exceptions with reasons (stocksuite_test.go, and the shims in stocksuite).
//   - The bridge and ptp plugins work with our plugin (container_linux_test.go). All main
//     plugins pass on STATUS, and none passes on GC (mainplugins_linux_test.go).
//   - Podman works with our plugin, on networks written for it and on networks that it
//     creates (podman_networks_linux_test.go).
//   - containerd works with our plugin, and calls it as docs/runtimes.md says
//     (containerd_pods_linux_test.go). LEASEHOLD_CONTAINERD can also be the path of a
//     directory with containerd, its shim, ctr and crictl.
//   - The stock plugin does no harm to a network that was migrated to the bolt store
//     (boltfile_test.go).
//
// The version of the stock plugin is in go.mod. The tests also build v1.9.1, the last version
// without GC and without the newer checks of ranges, and compare our plugin with it where the
// two versions differ.
//
// # Caveats
//
// Tests that configure interfaces need root, and are skipped otherwise. Each runs in a new
// network namespace that exists only as long as the test's thread or an open file: nothing on
// the host changes, and nothing is left behind, however the tests end.
package interop
