// Package interop tests the plugin of this project beside those of the CNI
// project, as executables and on the library that container runtimes use.
//
// It holds tests only, and is a Go module of its own, so that the peers stay out
// of the product's dependencies. The tests build what they need, the product
// included, and run with
//
//	go test ./...            # two minutes on two cores
//	go test -short ./...     # half of it
//	go test -run TestSameHistory -seed 7 ./...
//	LEASEHOLD_PODMAN=1 go test -run TestPodman . # with the Podman of Debian 12
//	LEASEHOLD_CONTAINERD=1 go test -timeout 30m -run TestContainerd . # builds containerd first
//
// What is held:
//
//   - Both plugins work on one directory at the same time, and no address is ever
//     held twice (mixed_test.go, concurrent_test.go).
//   - Ours may be killed at any call, and the stock plugin of either version be the next,
//     with a GC too: nothing is half there or leaked (killed_test.go).
//   - On the same history both give the same addresses and the same results, in
//     every version of CNI (history_test.go, results_test.go).
//   - A configuration that one of them accepts the other accepts as well. The
//     exceptions are a table, each with its reason (acceptance_test.go and the
//     corpus beside it).
//   - Where they differ in what they do, they differ as DESIGN.md says (differences_test.go).
//   - The stock plugin's own tests pass with ours, on both stores, but for a table of
//     exceptions, each with its reason (stocksuite_test.go, and the shims in stocksuite).
//   - The bridge and ptp plugins work with ours (container_test.go), and all main plugins
//     pass on a STATUS and end a GC (mainplugins_linux_test.go).
//   - Podman works with ours, on networks written for it and on those that it makes
//     itself (podman_networks_linux_test.go).
//   - containerd works with ours, and calls it as docs/runtimes.md says
//     (containerd_pods_linux_test.go). LEASEHOLD_CONTAINERD can also be the path of a
//     directory that has containerd, its shim, ctr and crictl.
//   - The stock plugin does no harm to a network that has moved to the bolt store
//     (boltfile_test.go).
//
// The version of the stock plugin is in go.mod. The tests also build v1.9.1, the last version
// without GC and the newer checks of ranges, and compare ours with it where the two differ.
//
// # Caveats
//
// Tests that configure interfaces need root, and are skipped without. They make
// network namespaces that live as long as the test's own thread or descriptor,
// also in the place of the host's: nothing of the host is changed, and nothing
// is left behind, however the tests end.
package interop
