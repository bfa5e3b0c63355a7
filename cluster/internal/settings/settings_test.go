package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/cluster/internal/settings"
)

// write writes the file of the cluster dc1, and returns its directory.
func write(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	private(t, filepath.Join(dir, "dc1.json"), text)
	return dir
}

func private(t *testing.T, path, text string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func read(t *testing.T, text string) *settings.Settings {
	t.Helper()
	s, err := settings.Read(write(t, text), "dc1")
	require.NoError(t, err)
	return s
}

func TestDefaults(t *testing.T) {
	name, err := os.Hostname()
	require.NoError(t, err)
	s := read(t, `{"endpoints": ["http://10.0.0.1:2379"]}`)
	require.Equal(t, "dc1", s.Name)
	require.Equal(t, []string{"http://10.0.0.1:2379"}, s.Etcd.Endpoints)
	require.Nil(t, s.Etcd.TLS)
	require.Empty(t, s.Etcd.Username+s.Etcd.Password)
	require.Equal(t, "/leasehold", s.Prefix)
	require.Equal(t, name, s.Host)
	require.Negative(t, s.Ahead)
	require.Equal(t, 5*time.Second, s.Timeout)
}

func TestEveryKey(t *testing.T) {
	ca := etcdtest.NewCA(t)
	cert, key := ca.Issue("h1", time.Now().Add(time.Hour))
	password := private(t, filepath.Join(t.TempDir(), "password"), "secret\n")
	s := read(t, `{"endpoints": ["https://a:2379", "https://[fd00::1]:2379/"], "prefix": "/ipam/", "ca": "`+ca.Path+
		`", "cert": "`+cert+`", "key": "`+key+`", "username": "u", "passwordFile": "`+password+
		`", "host": "h1", "ahead": 0, "timeout": "2s"}`)
	require.Equal(t, []string{"https://a:2379", "https://[fd00::1]:2379"}, s.Etcd.Endpoints)
	require.NotNil(t, s.Etcd.TLS.RootCAs)
	require.Len(t, s.Etcd.TLS.Certificates, 1)
	require.Equal(t, "u secret", s.Etcd.Username+" "+s.Etcd.Password)
	require.Equal(t, "/ipam h1", s.Prefix+" "+s.Host)
	require.Zero(t, s.Ahead)
	require.Equal(t, 2*time.Second, s.Timeout)
}

func TestRejected(t *testing.T) {
	ca := etcdtest.NewCA(t)
	cert, key := ca.Issue("h1", time.Now().Add(time.Hour))
	open := filepath.Join(t.TempDir(), "open")
	require.NoError(t, os.WriteFile(open, []byte("secret"), 0o644))
	empty := private(t, filepath.Join(t.TempDir(), "empty"), "\n")
	const http, https = `{"endpoints": ["http://a:2379"]`, `{"endpoints": ["https://a:2379"]`
	for text, want := range map[string]string{
		``:                                 "EOF; the keys are endpoints, prefix",
		`{} {}`:                            "something follows",
		`{}`:                               "endpoints is missing; add",
		`{"endpoint": []}`:                 `unknown field "endpoint"; the keys are endpoints`,
		`{"endpoints": "a"}`:               "cannot unmarshal string",
		`{"endpoints": ["a:2379"]}`:        `endpoints: "a:2379": write https://HOST:PORT`,
		`{"endpoints": ["https://a"]}`:     "write https://HOST:PORT",
		`{"endpoints": ["https://a:1/x"]}`: "write https://HOST:PORT",
		`{"endpoints": ["unix:///x"]}`:     "write https://HOST:PORT",
		`{"endpoints": ["http://a:1", "https://b:1"]}`:               "use https for all",
		http + `, "ca": "` + ca.Path + `"}`:                          "write https://",
		https + `, "ca": "/no/such/file"}`:                           "ca: open /no/such/file",
		https + `, "ca": "` + key + `"}`:                             "has no certificate in PEM",
		https + `, "cert": "` + cert + `"}`:                          "cert and key belong together",
		https + `, "cert": "` + cert + `", "key": "` + cert + `"}`:   "cert and key: tls",
		https + `, "cert": "` + cert + `", "key": "` + open + `"}`:   "chmod 600 " + open,
		http + `, "username": "u"}`:                                  "username and passwordFile belong together",
		http + `, "username": "u", "passwordFile": "` + open + `"}`:  "chmod 600 " + open,
		http + `, "username": "u", "passwordFile": "` + empty + `"}`: "is empty",
		http + `, "host": "a/b"}`:                                    `host: name "a/b"`,
		http + `, "ahead": -1}`:                                      "ahead: -1 is not from 0 to 64",
		http + `, "timeout": "5"}`:                                   `timeout: "5" is not a positive duration`,
		http + `, "timeout": "9999999h"}`:                            `timeout: "9999999h" is too large a duration; write at most 2562047h`,
		http + `, "timeout": "0s"}`:                                  `timeout: "0s" is not a positive duration`,
	} {
		dir := write(t, text)
		_, err := settings.Read(dir, "dc1")
		require.ErrorIs(t, err, settings.ErrInvalid, text)
		require.ErrorContains(t, err, filepath.Join(dir, "dc1.json"))
		require.ErrorContains(t, err, want)
	}
}

func TestFile(t *testing.T) {
	_, err := settings.Read(t.TempDir(), "dc1")
	require.ErrorIs(t, err, settings.ErrInvalid)
	require.ErrorContains(t, err, "there is no such file; write one")

	dir := write(t, `{"endpoints": ["http://a:2379"]}`)
	path := filepath.Join(dir, "dc1.json")
	require.NoError(t, os.Chmod(path, 0o640))
	_, err = settings.Read(dir, "dc1")
	require.ErrorContains(t, err, "others than its owner may use it (mode 0640); run: chmod 600 "+path)

	if os.Getuid() != 0 {
		return // Only root can give a file away.
	}
	require.NoError(t, os.Chmod(path, 0o600))
	require.NoError(t, os.Chown(path, 65534, 65534))
	_, err = settings.Read(dir, "dc1")
	require.ErrorContains(t, err, "run: chown root "+path)
	require.False(t, strings.Contains(err.Error(), "secret"))
}
