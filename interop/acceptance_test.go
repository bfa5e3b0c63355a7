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
	conf    string // "STORE" stands for the keys of ipam that say where leases are
	command string // empty: ADD
	args    string // CNI_ARGS
	env     map[string]string
	earlier []earlier

	// peer is the plugin that ours is compared with; [stock] if it is zero.
	peer plugin

	// says is how our refusal begins where stock's words for it make no
	// sense, or differ from one time to the next.
	says string
}

// earlier is an ADD that comes before, with the same configuration.
type earlier struct {
	who  attachment
	args string
}

// ipam returns a configuration with these keys in ipam.
func ipam(keys string) string { return beside("", keys) }

// beside returns a configuration with some keys beside ipam and some in it.
func beside(outer, keys string) string {
	if outer != "" {
		outer += ", "
	}
	return fmt.Sprintf(`{"cniVersion": "1.0.0", "name": "net", %s"ipam": {STORE, %s}}`, outer, keys)
}

// since returns a configuration of another version of CNI.
func since(version, keys string) string { return replace(ipam(keys), "1.0.0", version) }

// A subject is a plugin and the store that it is to use.
type subject struct {
	plugin
	backend string
}

// allOfOurs is one subject in a short run.
func allOfOurs() []subject { return []subject{{ours(), ""}, {ours(), "bolt"}}[:rounds(2)] }

func (s subject) String() string { return s.name + " " + s.backend }

// A trial is a row put to a subject.
type trial struct {
	answer answer
	net    network
	before snapshot // leases and cursors before; empty for bolt
	held   int      // number of leases before
}

func (r row) try(t *testing.T, s subject) trial {
	t.Helper()
	n := network{dir: filepath.Join(t.TempDir(), "data"), backend: s.backend}
	for _, e := range r.earlier {
		s.mustDo(t, call{command: "ADD", who: e.who, args: e.args, conf: r.text(n)})
	}
	tr := trial{net: n}
	tr.before, tr.held = tr.stored(t)
	tr.answer = s.mustRun(t, r.call(n))
	return tr
}

// tryPeer puts the row to the plugin that ours is compared with.
func (r row) tryPeer(t *testing.T) trial {
	t.Helper()
	return r.try(t, subject{cmp.Or(r.peer, stock()), ""})
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

// stored returns what the directory holds, and the number of leases.
func (tr trial) stored(t *testing.T) (snapshot, int) {
	t.Helper()
	if tr.net.backend == "bolt" {
		return nil, len(storedLeases(t, tr.net))
	}
	s := takeSnapshot(t, tr.net.path())
	return s, len(s.leases())
}

// unchanged makes sure that a refusal has left nothing behind. A refusal that has
// to look at the leases first takes their lock; any other, and the one of an
// address that can never be given, does not even make a directory.
func (tr trial) unchanged(t *testing.T, r row) {
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

// refused makes sure that the answer is a CNI error, of a code that tells
// something, and that nothing was written.
func (tr trial) refused(t *testing.T, r row) {
	t.Helper()
	require.False(t, tr.answer.ok, "%s", tr.answer)
	e := tr.answer.refusal()
	require.NotEmpty(t, e.Msg, "no CNI error: %s", tr.answer)
	require.NotContains(t, []uint{0, 999}, e.Code, "%s", tr.answer)
	tr.unchanged(t, r)
}

// each runs fn for every row and for ours on its stores.
func each(t *testing.T, rows []row, fn func(t *testing.T, r row, s subject)) {
	for _, r := range rows {
		for _, s := range allOfOurs() {
			t.Run(r.name+"/"+s.String(), func(t *testing.T) {
				t.Parallel()
				fn(t, r, s)
			})
		}
	}
}

// What both accept has the same result.
func TestAccepted(t *testing.T) {
	rows := slices.Concat(acceptedRanges(), acceptedRequests(), acceptedForms(), acceptedEnvironments())
	each(t, rows, func(t *testing.T, r row, s subject) {
		want := r.tryPeer(t).answer
		require.True(t, want.ok, "stock: %s", want)
		got := r.try(t, s).answer
		require.True(t, got.ok, "%s: %s", s, got)
		if len(want.stdout) == 0 {
			require.Empty(t, got.stdout)
			return
		}
		require.JSONEq(t, string(want.stdout), string(got.stdout))
	})
}

// What both refuse is refused with a code, and with the text that people know.
func TestRefused(t *testing.T) {
	rows := slices.Concat(refusedRanges(), refusedRequests(), refusedForms(), refusedEnvironments())
	each(t, rows, func(t *testing.T, r row, s subject) {
		want := r.tryPeer(t).answer
		require.False(t, want.ok, "stock: %s", want)
		got := r.try(t, s)
		got.refused(t, r)
		msg := want.refusal().Msg
		if r.says == "" && kind(msg) == msg {
			return // Nobody knows that text by heart.
		}
		require.Regexp(t, "^"+quote(cmp.Or(r.says, msg)), got.answer.refusal().Msg)
	})
}

// [config.RefusedByStock] names exactly the configurations that ours accepts and a DEL of
// the stock plugin refuses.
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
