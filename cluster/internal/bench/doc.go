// Package bench measures what sharing a range costs, as ratios: each benchmark gives two peers turns
// in rounds, and divides the values of one round by each other.
//
//	TMPDIR=/var/tmp go test -C cluster -run '^$' -bench . -benchtime 1x -timeout 30m ./internal/bench
//
// An iteration is a whole comparison, which chooses its rounds itself. A unit that ends in -ratio is
// the median of the ratios of the rounds, with the 10th and 90th percentile beside it. The servers
// are three members of etcd, which sync what they write, with etcd's own time limits.
//
// # Caveats
//
// All hosts and servers are on one machine. Stores and servers are below the directory for temporary
// files: where that is a tmpfs, syncs cost nothing. With -short there is a tenth of the rounds, which
// shows that all works, and no more.
package bench
