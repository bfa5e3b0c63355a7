// Package settings reads how this host reaches the servers of a cluster: a file of root's,
// /etc/leasehold/clusters/NAME.json, so that a network configuration, which others may write, has
// neither endpoints nor secrets.
package settings

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/etcd"
	"github.com/leasehold/leasehold/internal/duration"
)

// DefaultDir is the directory of the files. DirVar is the variable of the environment that names
// another one.
const (
	DefaultDir = "/etc/leasehold/clusters"
	DirVar     = "LEASEHOLD_CLUSTERS"
)

// ErrInvalid: a file is missing, or has something that cannot be used.
var ErrInvalid = errors.New("settings of a cluster are not valid")

// Settings are the valid content of a file.
type Settings struct {
	// Path is the path of the file, and Name the name of the cluster.
	Path, Name string

	// Digest is of the file and of those that it names: other ones have another digest.
	Digest [sha256.Size]byte

	// Etcd says how to reach the servers.
	Etcd etcd.Config

	// Prefix is the beginning of all keys.
	Prefix string

	// Host is the name of this host among the others.
	Host string

	// Ahead is how many blocks this host asks for beyond those that it needs; negative: not set.
	Ahead int

	// Timeout is how long to wait for the servers, all requests of a command together.
	Timeout time.Duration
}

// Defaults of a file that leaves them out. The default of Host is the name of the machine.
const (
	defaultPrefix  = "/leasehold"
	defaultTimeout = 5 * time.Second
	maxAhead       = 64
)

// raw is a file.
type raw struct {
	Endpoints    []string `json:"endpoints"`
	Prefix       string   `json:"prefix"`
	CA           string   `json:"ca"`
	Cert         string   `json:"cert"`
	Key          string   `json:"key"`
	Username     string   `json:"username"`
	PasswordFile string   `json:"passwordFile"`
	Host         string   `json:"host"`
	Ahead        *int     `json:"ahead"`
	Timeout      string   `json:"timeout"`
}

// Read reads the file of the cluster with the given name. Its errors wrap [ErrInvalid], name the
// file and what is wrong with it, and say what to do.
func Read(dir, name string) (*Settings, error) {
	path := filepath.Join(dir, name+".json")
	text, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s: there is no such file; write one on each host, with at least "+
			`{"endpoints": ["https://HOST:2379"]}, and make it private: chmod 600 %s`, ErrInvalid, path, path)
	}
	var s *Settings
	if err == nil {
		s, err = parse(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrInvalid, path, err)
	}
	s.Path, s.Name = path, name
	return s, nil
}

// digest returns the digest of a file and of the files that it names.
func (r raw) digest(text []byte) (d [sha256.Size]byte, err error) {
	sum := sha256.New()
	for _, path := range []string{"", r.CA, r.Cert, r.Key, r.PasswordFile} {
		if path != "" {
			if text, err = os.ReadFile(path); err != nil {
				return d, err
			}
		}
		fmt.Fprintf(sum, "%d\n%s\n", len(text), text)
		text = nil
	}
	return [sha256.Size]byte(sum.Sum(nil)), nil
}

// readPrivate reads a file that only its owner may read, because it leads to secrets or is one,
// and because who can write it decides what this host trusts.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // It was only read.
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others than its owner may use it (mode %04o); run: chmod 600 %s", info.Mode().Perm(), path)
	}
	if uid, ok := owner(info); ok && uid != 0 && uid != os.Geteuid() {
		return nil, fmt.Errorf("its owner is user %d; run: chown root %s", uid, path)
	}
	return io.ReadAll(f)
}

func parse(text []byte) (*Settings, error) {
	var r raw
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("%w; the keys are %s", err, strings.Join(keys(), ", "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object; write one JSON object")
	}
	s := &Settings{Prefix: strings.TrimSuffix(r.Prefix, "/"), Host: r.Host, Ahead: -1, Timeout: defaultTimeout}
	if r.Prefix == "" {
		s.Prefix = defaultPrefix
	}
	for _, read := range []func(*Settings) error{r.readEndpoints, r.readTLS, r.readUser, r.readHost, r.readLimits} {
		if err := read(s); err != nil {
			return nil, err
		}
	}
	s.Etcd.Prefix = s.Prefix
	var err error
	s.Digest, err = r.digest(text)
	return s, err
}

// keys returns the keys of a file.
func keys() []string {
	return []string{"endpoints", "prefix", "ca", "cert", "key", "username", "passwordFile", "host", "ahead", "timeout"}
}

func (r raw) readEndpoints(s *Settings) error {
	if len(r.Endpoints) == 0 {
		return errors.New(`endpoints is missing; add the servers of etcd: "endpoints": ["https://HOST:2379"]`)
	}
	secure := 0
	for _, e := range r.Endpoints {
		u, err := url.Parse(e)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Port() == "" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
			return fmt.Errorf("endpoints: %q: write https://HOST:PORT, or http://HOST:PORT without TLS", e)
		}
		if u.Scheme == "https" {
			secure++
		}
		s.Etcd.Endpoints = append(s.Etcd.Endpoints, u.Scheme+"://"+u.Host)
	}
	if secure != 0 && secure != len(r.Endpoints) {
		return errors.New("endpoints: some are http and some https; use https for all")
	}
	if secure == 0 && (r.CA != "" || r.Cert != "" || r.Key != "") {
		return errors.New("ca, cert and key are for TLS, but the endpoints are http; write https://")
	}
	if secure != 0 {
		s.Etcd.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return nil
}

func (r raw) readTLS(s *Settings) error {
	if r.CA != "" {
		text, err := os.ReadFile(r.CA)
		if err != nil {
			return fmt.Errorf("ca: %w", err)
		}
		s.Etcd.TLS.RootCAs = x509.NewCertPool()
		if !s.Etcd.TLS.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("ca: %s has no certificate in PEM", r.CA)
		}
	}
	if (r.Cert == "") != (r.Key == "") {
		return errors.New("cert and key belong together; name both, or neither")
	}
	if r.Cert == "" {
		return nil
	}
	if _, err := readPrivate(r.Key); err != nil {
		return fmt.Errorf("key: %s: %w", r.Key, err)
	}
	pair, err := tls.LoadX509KeyPair(r.Cert, r.Key)
	if err != nil {
		return fmt.Errorf("cert and key: %w", err)
	}
	s.Etcd.TLS.Certificates = []tls.Certificate{pair}
	return nil
}

func (r raw) readUser(s *Settings) error {
	if (r.Username == "") != (r.PasswordFile == "") {
		return errors.New("username and passwordFile belong together; name both, or neither")
	}
	if r.Username == "" {
		return nil
	}
	text, err := readPrivate(r.PasswordFile)
	if err != nil {
		return fmt.Errorf("passwordFile: %s: %w", r.PasswordFile, err)
	}
	s.Etcd.Username, s.Etcd.Password = r.Username, strings.TrimRight(string(text), "\r\n")
	if s.Etcd.Password == "" {
		return fmt.Errorf("passwordFile: %s is empty", r.PasswordFile)
	}
	return nil
}

func (r raw) readHost(s *Settings) error {
	if s.Host == "" {
		name, err := os.Hostname()
		if err != nil {
			return fmt.Errorf(`host is missing, and the machine has no name: %w; add "host": "NAME"`, err)
		}
		s.Host = name
	}
	if err := cluster.ValidateName(s.Host); err != nil {
		return fmt.Errorf(`host: %w; add "host": "NAME"`, err)
	}
	return nil
}

func (r raw) readLimits(s *Settings) error {
	if r.Ahead != nil {
		if s.Ahead = *r.Ahead; s.Ahead < 0 || s.Ahead > maxAhead {
			return fmt.Errorf("ahead: %d is not from 0 to %d", s.Ahead, maxAhead)
		}
	}
	if r.Timeout == "" {
		return nil
	}
	d, err := duration.Parse(r.Timeout)
	if errors.Is(err, duration.ErrLarge) {
		return fmt.Errorf("timeout: %q is too large a duration; write at most %s", r.Timeout, duration.Largest)
	}
	if err != nil || d <= 0 {
		return fmt.Errorf(`timeout: %q is not a positive duration; write one like "5s"`, r.Timeout)
	}
	s.Timeout = d
	return nil
}
