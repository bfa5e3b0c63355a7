package interop

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
)

// A row of the corpus is one execution in an empty data directory.
type row struct {
	name    string
	conf    string // "STORE" is replaced by the keys dataDir and backend of ipam
	command string // "" means ADD
	args    string // CNI_ARGS
	env     map[string]string
	earlier []earlier

	// peer is the plugin to compare with; [stock] if it is zero.
	peer plugin

	// says is the start of our error message, if stock's message makes no sense or differs
	// from run to run.
	says string
}

// earlier is an earlier ADD with the same configuration.
type earlier struct {
	who  attachment
	args string
}

// ipam returns a configuration with these keys in ipam.
func ipam(keys string) string { return topLevel("", keys) }

// topLevel returns a configuration with some keys at the top level and some in ipam.
func topLevel(outer, keys string) string {
	if outer != "" {
		outer += ", "
	}
	return fmt.Sprintf(`{"cniVersion": "1.0.0", "name": "net", %s"ipam": {STORE, %s}}`, outer, keys)
}

// withVersion returns a configuration of another CNI version.
func withVersion(version, keys string) string { return replace(ipam(keys), "1.0.0", version) }

// A subject is a plugin with a store.
type subject struct {
	plugin
	backend string
}

// ourSubjects returns our plugin with both stores, or only one in a short run.
func ourSubjects() []subject { return []subject{{ours(), ""}, {ours(), "bolt"}}[:rounds(2)] }

func (s subject) String() string { return s.name + " " + s.backend }

// A rowResult is the result of a row for a subject.
type rowResult struct {
	answer answer
	net    network
	before snapshot // leases and cursors before; empty for bolt
	held   int      // number of leases before
}

func (r row) run(t *testing.T, s subject) rowResult {
	t.Helper()
	n := network{dir: filepath.Join(t.TempDir(), "data"), backend: s.backend}
	for _, e := range r.earlier {
		s.mustDo(t, call{command: "ADD", who: e.who, args: e.args, conf: r.text(n)})
	}
	tr := rowResult{net: n}
	tr.before, tr.held = tr.stored(t)
	tr.answer = s.mustRun(t, r.call(n))
	return tr
}

// runPeer runs the row with the plugin to compare with.
func (r row) runPeer(t *testing.T) rowResult {
	t.Helper()
	return r.run(t, subject{cmp.Or(r.peer, stock()), ""})
}

func (r row) text(n network) string {
	store := fmt.Sprintf(`"dataDir": %q`, n.dir)
	if n.backend != "" {
		store += fmt.Sprintf(`, "backend": %q`, n.backend)
	}
	return replace(r.conf, "STORE", store)
}

func (r row) call(n network) call {
	c := call{command: r.command, who: attachment{"c1", "eth0"}, args: r.args, env: r.env, conf: r.text(n)}
	if c.command == "" {
		c.command = "ADD"
	}
	return c
}

// stored returns the content of the directory and the number of leases.
func (tr rowResult) stored(t *testing.T) (snapshot, int) {
	t.Helper()
	if tr.net.backend == "bolt" {
		return nil, len(storedLeases(t, tr.net))
	}
	s := takeSnapshot(t, tr.net.path())
	return s, len(s.leases())
}

// requireUnchanged requires that a rejected command left nothing behind. A command that
// reads the leases before it is rejected takes their lock; any other does not even create a
// directory, nor does a request for an address that can never be leased.
func (tr rowResult) requireUnchanged(t *testing.T, r row) {
	t.Helper()
	code := tr.answer.refusal().Code
	if looked := code >= 100 && code != 106; len(r.earlier) == 0 && !looked {
		_, err := os.Lstat(tr.net.dir)
		require.ErrorIs(t, err, os.ErrNotExist)
		return
	}
	after, held := tr.stored(t)
	require.Equal(t, tr.before, after)
	require.Equal(t, tr.held, held)
}

// requireRejected requires a CNI error with a meaningful code, and that nothing was
// written.
func (tr rowResult) requireRejected(t *testing.T, r row) {
	t.Helper()
	require.False(t, tr.answer.ok, "%s", tr.answer)
	e := tr.answer.refusal()
	require.NotEmpty(t, e.Msg, "no CNI error: %s", tr.answer)
	require.NotContains(t, []uint{0, 999}, e.Code, "%s", tr.answer)
	tr.requireUnchanged(t, r)
}

// forEachRow runs fn for every row with our plugin on its stores.
func forEachRow(t *testing.T, rows []row, fn func(t *testing.T, r row, s subject)) {
	for _, r := range rows {
		for _, s := range ourSubjects() {
			t.Run(r.name+"/"+s.String(), func(t *testing.T) {
				t.Parallel()
				fn(t, r, s)
			})
		}
	}
}

// Rows that both accept have the same result.
func TestAccepted(t *testing.T) {
	rows := slices.Concat(acceptedRanges(), acceptedRequests(), acceptedForms(), acceptedEnvironments())
	forEachRow(t, rows, func(t *testing.T, r row, s subject) {
		want := r.runPeer(t).answer
		require.True(t, want.ok, "stock: %s", want)
		got := r.run(t, s).answer
		require.True(t, got.ok, "%s: %s", s, got)
		if len(want.stdout) == 0 {
			require.Empty(t, got.stdout)
			return
		}
		require.JSONEq(t, string(want.stdout), string(got.stdout))
	})
}

// Rows that both reject are rejected with a code, and with the message that users know.
func TestRefused(t *testing.T) {
	rows := slices.Concat(refusedRanges(), refusedRequests(), refusedForms(), refusedEnvironments())
	forEachRow(t, rows, func(t *testing.T, r row, s subject) {
		want := r.runPeer(t).answer
		require.False(t, want.ok, "stock: %s", want)
		got := r.run(t, s)
		got.requireRejected(t, r)
		msg := want.refusal().Msg
		if r.says == "" && kind(msg) == msg {
			return // not a well-known message
		}
		require.Regexp(t, "^"+quote(cmp.Or(r.says, msg)), got.answer.refusal().Msg)
	})
}

// [config.RefusedByStock] reports exactly the configurations that our plugin accepts and a
// DEL of the stock plugin rejects.
func TestRefusedByStock(t *testing.T) {
	rows := slices.Concat(acceptedRanges(), acceptedForms())
	for _, e := range onlyOurs() {
		rows = append(rows, e.row)
	}
	refused := 0
	for _, r := range rows {
		n := network{dir: filepath.Join(t.TempDir(), "data")}
		if _, err := config.Parse([]byte(r.text(n)), ""); err != nil {
			continue
		}
		a := stock().mustRun(t, call{command: "DEL", who: attachment{"c1", "eth0"}, conf: r.text(n)})
		said := config.RefusedByStock([]byte(r.text(n)))
		require.Equal(t, a.ok, len(said) == 0, "%s: %v, but stock: %s", r.name, said, a)
		refused += len(said)
	}
	require.Greater(t, refused, 5)
}
