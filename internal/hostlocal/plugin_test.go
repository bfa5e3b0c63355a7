package hostlocal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/hostlocal"
)

// run executes the plugin and returns its exit status.
func run(stdout io.Writer, stdin, command, id string, env ...string) int {
	vars := map[string]string{"CNI_COMMAND": command, "CNI_CONTAINERID": id}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		vars[name] = value
	}
	p := hostlocal.Plugin{
		Getenv: func(name string) string { return vars[name] },
		Stdin:  strings.NewReader(stdin), Stdout: stdout, Stderr: io.Discard,
		Version: func() string { return "test" },
	}
	return p.Run()
}

func conf(dir, more string) string {
	return fmt.Sprintf(`{"cniVersion": "1.1.0", "name": "net", "ipam": {"type": "host-local",
		"dataDir": %q, "ranges": [[{"subnet": "10.0.0.0/29"}], [{"subnet": "fd00::/125"}]] %s}}`, dir, more)
}

type failure struct {
	Code    uint   `json:"code"`
	Msg     string `json:"msg"`
	Details string `json:"details"`
}

// fails requires that the plugin fails with a CNI error.
func fails(t *testing.T, stdin, command, id string, env ...string) failure {
	t.Helper()
	var out bytes.Buffer
	require.Equal(t, 1, run(&out, stdin, command, id, env...), out.String())
	var f failure
	require.NoError(t, json.Unmarshal(out.Bytes(), &f), out.String())
	return f
}

func works(t *testing.T, stdin, command, id string, env ...string) string {
	t.Helper()
	var out bytes.Buffer
	require.Zero(t, run(&out, stdin, command, id, env...), &out)
	return out.String()
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// An ADD whose result was not delivered must not leave leases, which the runtime does not
// know of.
func TestUndeliveredResultReleasesLeases(t *testing.T) {
	for _, kind := range []string{"files", "bolt"} {
		c := conf(t.TempDir(), `, "backend": "`+kind+`"`)
		require.Equal(t, 1, run(brokenPipe{}, c, "ADD", "lost"))
		// All five addresses of each set can be leased, so none was kept.
		for i := range 5 {
			works(t, c, "ADD", fmt.Sprint("c", i))
		}
		require.Equal(t, hostlocal.CodeExhausted, fails(t, c, "ADD", "one-too-many").Code)
	}
}

// With "return", leases that the attachment held before must survive the failure.
func TestUndeliveredRepetitionReleasesNothing(t *testing.T) {
	c := conf(t.TempDir(), `, "onDuplicate": "return"`)
	first := works(t, c, "ADD", "a")
	require.Equal(t, 1, run(brokenPipe{}, c, "ADD", "a"))
	require.Equal(t, first, works(t, c, "ADD", "a"))
}

func TestLeaseRecordsRequest(t *testing.T) {
	dir := t.TempDir()
	c := conf(dir, `, "backend": "bolt"`)
	works(t, c, "ADD", "a", "CNI_IFNAME=net1", "CNI_NETNS=/run/netns/x",
		"CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0")
	require.NoError(t, bolt.Open(filepath.Join(dir, "net")).View(t.Context(), func(tx backend.ReadTx) error {
		l, err := tx.Lease(netip.MustParseAddr("10.0.0.2"))
		require.NoError(t, err)
		require.Equal(t, backend.Owner{ContainerID: "a", IfName: "net1"}, l.Owner)
		require.Equal(t, backend.Pod{Namespace: "default", Name: "web-0"}, l.Pod)
		require.Equal(t, "/run/netns/x", l.Netns)
		require.False(t, l.Since.IsZero())
		return nil
	}))
}

// reboot rewrites the leases of a bolt store as if they were from an earlier boot.
func reboot(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, bolt.Open(path).Update(t.Context(), func(tx backend.Tx) error {
		var all []backend.Lease
		for l, err := range tx.Leases(netip.Addr{}) {
			require.NoError(t, err)
			all = append(all, l)
		}
		for _, l := range all {
			require.NotEmpty(t, l.Boot)
			require.NoError(t, tx.Delete(l.Addr))
			l.Boot, l.Since = "an earlier boot", boot.Current().Started.Add(-time.Hour)
			require.NoError(t, tx.Put(l))
		}
		return tx.SetLastSearch("an earlier boot")
	}))
}

func TestLeasesFromEarlierBootEnd(t *testing.T) {
	if _, err := os.Stat("/proc/sys/kernel/random/boot_id"); err != nil {
		t.Skip("the boot ID or boot time is not available on this system")
	}
	dir := t.TempDir()
	full := func(more string) string {
		c := conf(dir, `, "backend": "bolt"`+more)
		for i := range 5 {
			works(t, c, "ADD", fmt.Sprint("old", i))
		}
		reboot(t, filepath.Join(dir, "net"))
		return c
	}
	keep := full(`, "onReboot": "keep"`)
	require.Equal(t, hostlocal.CodeExhausted, fails(t, keep, "ADD", "new").Code)

	c := conf(dir, `, "backend": "bolt"`)
	works(t, c, "STATUS", "") // the next ADD will find addresses
	for i := range 5 {
		works(t, c, "ADD", fmt.Sprint("new", i))
	}
	require.Equal(t, hostlocal.CodeExhausted, fails(t, c, "ADD", "one-too-many").Code, "the search runs once in a boot")
}

func TestBusyStore(t *testing.T) {
	dir := t.TempDir()
	c := conf(dir, `, "backend": "bolt", "lockTimeout": "20ms"`)
	works(t, c, "ADD", "a")
	require.NoError(t, bolt.Open(filepath.Join(dir, "net")).Update(t.Context(), func(backend.Tx) error {
		for _, command := range []string{"ADD", "DEL", "CHECK"} {
			f := fails(t, c, command, "b")
			require.EqualValues(t, 11, f.Code, command)
			require.Contains(t, f.Msg, filepath.Join(dir, "net"))
			require.Contains(t, f.Details, "lockTimeout")
		}
		require.EqualValues(t, 50, fails(t, c, "STATUS", "").Code)
		return nil
	}))
}

func TestUnusableDataDir(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, kind := range []string{"files", "bolt"} {
		c := conf(file, `, "backend": "`+kind+`"`)
		require.EqualValues(t, 5, fails(t, c, "ADD", "a").Code, kind)
		require.EqualValues(t, 50, fails(t, c, "STATUS", "").Code, kind)
	}
}

// STATUS gives the same advice as ADD, which finds the store in its data directory.
func TestAdviceOfStatus(t *testing.T) {
	dir := t.TempDir()
	c := conf(dir, `, "backend": "bolt"`)
	works(t, c, "ADD", "a")
	require.NoError(t, os.Truncate(filepath.Join(dir, "net"), 100))
	add, status := fails(t, c, "ADD", "b"), fails(t, c, "STATUS", "")
	require.Equal(t, hostlocal.CodeDamaged, add.Code)
	require.Contains(t, add.Details, "leasehold verify net --data-dir "+dir)
	require.EqualValues(t, 50, status.Code)
	require.Equal(t, add.Details, status.Details)
}

// The tool looks only in the configured data directories. The plugin can have another one.
func TestAdviceNamesTheDataDir(t *testing.T) {
	dir := t.TempDir()
	c := conf(dir, "")
	works(t, c, "ADD", "a")
	taken := fails(t, c, "ADD", "b", "CNI_ARGS=IP=10.0.0.2")
	require.Equal(t, hostlocal.CodeTaken, taken.Code)
	require.Equal(t, "to see who holds it, run: leasehold who 10.0.0.2 --data-dir "+dir, taken.Details)
}

func TestResolvConf(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "resolv.conf")
	require.NoError(t, os.WriteFile(file, []byte(`# comment
nameserver 192.0.2.53
 nameserver	2001:db8::53
domain example.com
search a.example b.example
options ndots:2 rotate
nameserver
; nameserver 192.0.2.1
`), 0o600))
	var result struct {
		DNS map[string]any `json:"dns"`
	}
	c := conf(filepath.Join(dir, "data"), fmt.Sprintf(`, "resolvConf": %q`, file))
	require.NoError(t, json.Unmarshal([]byte(works(t, c, "ADD", "a")), &result))
	require.Equal(t, map[string]any{
		"nameservers": []any{"192.0.2.53", "2001:db8::53"},
		"domain":      "example.com",
		"search":      []any{"a.example", "b.example"},
		"options":     []any{"ndots:2", "rotate"},
	}, result.DNS)

	works(t, c, "STATUS", "")
	require.NoError(t, os.Remove(file))
	add, status := fails(t, c, "ADD", "b"), fails(t, c, "STATUS", "")
	require.Equal(t, []uint{5, 50}, []uint{add.Code, status.Code})
	require.Contains(t, status.Msg, "resolvConf: open "+file)
	require.Equal(t, `correct "resolvConf" in ipam, or remove it: every ADD reads that file`, status.Details)
	works(t, c, "DEL", "a")
}

func TestResultOfEachVersion(t *testing.T) {
	for version, want := range map[string]string{
		"0.1.0": `{"cniVersion": "0.1.0", "ip4": {"ip": "10.0.0.2/29", "gateway": "10.0.0.1"}, "ip6": {"ip": "fd00::2/125", "gateway": "fd00::1"}, "dns": {}}`,
		"0.2.0": `{"cniVersion": "0.2.0", "ip4": {"ip": "10.0.0.2/29", "gateway": "10.0.0.1"}, "ip6": {"ip": "fd00::2/125", "gateway": "fd00::1"}, "dns": {}}`,
		"0.3.0": `{"cniVersion": "0.3.0", "ips": [{"version": "4", "address": "10.0.0.2/29", "gateway": "10.0.0.1"}, {"version": "6", "address": "fd00::2/125", "gateway": "fd00::1"}], "dns": {}}`,
		"0.4.0": `{"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.0.0.2/29", "gateway": "10.0.0.1"}, {"version": "6", "address": "fd00::2/125", "gateway": "fd00::1"}], "dns": {}}`,
		"1.0.0": `{"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/29", "gateway": "10.0.0.1"}, {"address": "fd00::2/125", "gateway": "fd00::1"}]}`,
		"1.1.0": `{"cniVersion": "1.1.0", "ips": [{"address": "10.0.0.2/29", "gateway": "10.0.0.1"}, {"address": "fd00::2/125", "gateway": "fd00::1"}]}`,
	} {
		c := strings.Replace(conf(t.TempDir(), ""), "1.1.0", version, 1)
		require.JSONEq(t, want, works(t, c, "ADD", "a"), version)
	}
}

func TestNoGateway(t *testing.T) {
	c := strings.Replace(conf(t.TempDir(), `, "gateway": "none"`), `[[{"subnet": "10.0.0.0/29"}]`,
		`[[{"subnet": "10.0.0.0/29", "gateway": "none"}]`, 1)
	require.Contains(t, works(t, c, "ADD", "a"), `"address": "10.0.0.1/29"
        },`)
}

// A lease that cannot be released does not prevent the release of the others.
func TestGCContinuesAfterFailure(t *testing.T) {
	dir := t.TempDir()
	c := conf(dir, `, "backend": "files"`)
	works(t, c, "ADD", "a")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "net", "10.0.0.4"), 0o755))
	none := strings.Replace(c, `"name"`, `"cni.dev/valid-attachments": [], "name"`, 1)
	f := fails(t, none, "GC", "")
	require.Equal(t, hostlocal.CodeDamaged, f.Code)
	require.Contains(t, f.Msg, "10.0.0.4")
	require.NoFileExists(t, filepath.Join(dir, "net", "10.0.0.2"))
}

// No repair helps against a directory that has the name of a file of the store.
func TestAdviceOnForeignFile(t *testing.T) {
	dir := t.TempDir()
	c := conf(dir, `, "backend": "files"`)
	works(t, c, "ADD", "a")
	path := filepath.Join(dir, "net", "10.0.0.4")
	require.NoError(t, os.Mkdir(path, 0o755))
	taken := fails(t, c, "ADD", "b", "CNI_ARGS=IP=10.0.0.4")
	require.Equal(t, hostlocal.CodeTaken, taken.Code)
	require.Equal(t, "no container holds it; to see which file is in the way, run: leasehold verify net --data-dir "+dir, taken.Details)
	none := strings.Replace(c, `"name"`, `"cni.dev/valid-attachments": [], "name"`, 1)
	const next = ": is a directory, which no plugin makes: move it out of the store"
	require.Equal(t, failure{Code: hostlocal.CodeDamaged, Msg: "remove " + path + next}, fails(t, none, "GC", ""))

	path = filepath.Join(dir, "net", "last_reserved_ip..leasehold-undo")
	require.NoError(t, os.Mkdir(path, 0o755))
	for _, command := range []string{"ADD", "DEL", "CHECK", "GC"} {
		require.Equal(t, failure{Code: hostlocal.CodeDamaged, Msg: "read " + path + next}, fails(t, none, command, "a"), command)
	}
	require.Equal(t, failure{Code: 50, Msg: "read " + path + next}, fails(t, none, "STATUS", ""))
}

// A value of a wrong type in the configuration keeps no lease from being released.
func TestReleaseDespiteWrongTypes(t *testing.T) {
	for _, wrong := range []string{`, "backend": 1`, `, "lockTimeout": 30`} {
		c := conf(t.TempDir(), wrong)
		good := strings.Replace(c, wrong, `, "backend": "bolt"`, 1)
		works(t, good, "ADD", "a")
		works(t, good, "ADD", "b")
		for _, command := range []string{"ADD", "CHECK", "STATUS"} {
			require.Contains(t, fails(t, c, command, "a").Msg, "is of JSON type number, want string")
		}
		works(t, c, "DEL", "a")
		require.Contains(t, fails(t, good, "CHECK", "a").Msg, "Failed to find address")
		works(t, strings.Replace(c, `"name"`, `"cni.dev/valid-attachments": [], "name"`, 1), "GC", "")
		require.Contains(t, fails(t, good, "CHECK", "b").Msg, "Failed to find address")
	}
}
