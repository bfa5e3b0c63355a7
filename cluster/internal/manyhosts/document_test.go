package manyhosts

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
)

// A document runs the commands of docs/many-hosts.md, each on the host that its prompt names. The
// system's paths are below a directory of that host.
type document struct {
	t        *testing.T
	dir      string
	server   *etcdtest.Server
	snapshot string
}

// The commands of the document, and those in its comments, run one after the other and print what it
// says. A number in brackets is an exit status; if there is nothing else, what is printed on standard
// error is not shown.
func TestDocument(t *testing.T) {
	root, err := etcdtest.Root()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "docs", "many-hosts.md"))
	require.NoError(t, err)
	d := &document{t: t, dir: t.TempDir(), server: etcdtest.Start(t)}
	steps := 0
	for _, m := range regexp.MustCompile("(?sm)^(?:```console|<!-- sh)\n(.*?)^(?:```|-->)$").FindAllStringSubmatch(string(text), -1) {
		steps += d.block(m[1])
	}
	require.Greater(t, steps, 35)
}

// block runs the steps of a block, and returns how many there are.
func (d *document) block(text string) int {
	d.t.Helper()
	prompts := regexp.MustCompile(`(?m)^(a|b|c|etcd)# `).FindAllStringSubmatchIndex(text, -1)
	require.NotEmpty(d.t, prompts, text)
	for i, p := range prompts {
		end := len(text)
		if i+1 < len(prompts) {
			end = prompts[i+1][0]
		}
		d.step(text[p[2]:p[3]], text[p[1]:end])
	}
	return len(prompts)
}

// step runs a command with its input, if it has a here-document, and compares what it prints.
func (d *document) step(host, text string) {
	d.t.Helper()
	command, want, _ := strings.Cut(text, "\n")
	if strings.HasSuffix(command, "<<END") {
		input, rest, _ := strings.Cut(want, "\nEND\n")
		command, want = command+"\n"+input+"\nEND\n", rest
	}
	wantStatus := 0
	if m := regexp.MustCompile(`(?m)^\[(\d)\]\n\z`).FindStringSubmatchIndex(want); m != nil {
		_, err := fmt.Sscan(want[m[2]:m[3]], &wantStatus)
		require.NoError(d.t, err)
		want = want[:m[0]]
	}
	switch {
	case host == "etcd":
		d.onServer(command)
		return
	case command == "reboot":
		d.reboots(host)
		return
	}
	out, errs, status := d.run(host, command)
	require.Equal(d.t, wantStatus, status, "%s# %s\n%s%s", host, command, out, errs)
	require.Equal(d.t, normalize(want), normalize(out), "%s# %s", host, command)
}

// run runs a command on a host.
func (d *document) run(host, command string) (stdout, stderr string, status int) {
	d.t.Helper()
	root := filepath.Join(d.dir, host)
	require.NoError(d.t, os.MkdirAll(root, 0o755))
	command = strings.ReplaceAll(command, "http://192.0.2.10:2379", d.server.Endpoint)
	command = strings.ReplaceAll(command, "/etc/", root+"/etc/")
	command = strings.ReplaceAll(command, `"ipam": {`, `"ipam": {"dataDir": "`+root+`/networks", `)
	cmd := exec.CommandContext(d.t.Context(), "bash", "-euc", command)
	cmd.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), "CNI_PATH="+programs,
		"NETCONFPATH="+root+"/etc/cni/net.d", "LEASEHOLD_CLUSTERS="+root+"/etc/leasehold/clusters")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return string(out), errs.String(), exit.ExitCode()
	}
	require.NoError(d.t, err)
	return string(out), errs.String(), 0
}

// onServer does on the server of the test what a command of the document does.
func (d *document) onServer(command string) {
	d.t.Helper()
	switch command {
	case "systemctl start etcd": // It runs.
	case "systemctl start etcd # with an empty disk":
		d.server.Kill()
		require.NoError(d.t, os.RemoveAll(d.server.Dir))
		d.server.Start()
	case "etcdctl snapshot save /var/backups/etcd.db":
		d.snapshot = d.server.Snapshot()
	case "etcdutl snapshot restore /var/backups/etcd.db":
		d.server.Restore(d.snapshot)
	default:
		d.t.Fatal("what does it mean on the server of a test?", command)
	}
}

// reboots has the store of a host look as it does after the machine was booted.
func (d *document) reboots(name string) {
	d.t.Helper()
	h := host{world: &world{t: d.t}, data: filepath.Join(d.dir, name, "networks"), network: "pods"}
	h.reboot()
	require.NoError(d.t, h.store().Update(d.t.Context(), func(tx backend.Tx) error {
		var all []backend.Lease
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			l.Boot, l.Since = "00000000-0000-4000-8000-000000000000", time.Unix(1_600_000_000, 0).UTC()
			all = append(all, l)
		}
		for _, l := range all {
			if err := errors.Join(tx.Delete(l.Addr), tx.Put(l)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// normalize replaces what differs between runs, and the widths of columns.
func normalize(text string) string {
	text = regexp.MustCompile(`\b\d+\.\d+\.\d+\.\d+\b`).ReplaceAllString(text, "ADDRESS")
	text = regexp.MustCompile(`\b[0-9a-f]{32}\b`).ReplaceAllString(text, "MACHINE")
	text = regexp.MustCompile(`(?m)^(ADDRESS-ADDRESS +)[abc]$`).ReplaceAllString(text, "${1}HOST")
	text = regexp.MustCompile(`  +`).ReplaceAllString(text, "  ")
	text = regexp.MustCompile(`address [^)]*`).ReplaceAllString(text, "address ADDRESS")
	return regexp.MustCompile(`(?m)^(\w+  member  \d+)  \S+`).ReplaceAllString(text, "$1  ADDRESS")
}
