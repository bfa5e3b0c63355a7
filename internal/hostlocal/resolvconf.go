package hostlocal

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
)

// A dns is the DNS settings in a result.
type dns struct {
	nameservers []string
	domain      string
	search      []string
	options     []string
}

func (d dns) isEmpty() bool {
	return len(d.nameservers) == 0 && d.domain == "" && len(d.search) == 0 && len(d.options) == 0
}

// maxResolvConf is larger than any resolv.conf(5). Some files, such as /dev/zero, never
// end.
const maxResolvConf = 1 << 20

// A resolvConfError is the error of reading the file that resolvConf names.
type resolvConfError struct{ err error }

func (e *resolvConfError) Error() string { return "resolvConf: " + e.err.Error() }

// Unwrap returns the error of the file.
func (e *resolvConfError) Unwrap() error { return e.err }

// readResolvConf reads the DNS settings from a file in the format of resolv.conf(5).
// Unknown and incomplete lines are skipped, as by the resolver. So no other content of a
// file gets into a result, and none at all into an error.
func readResolvConf(name string) (dns, error) {
	var d dns
	f, err := os.Open(name)
	if err != nil {
		return d, err
	}
	defer f.Close() // It was only read.
	text, err := io.ReadAll(io.LimitReader(f, maxResolvConf+1))
	if err != nil {
		return d, err
	}
	if len(text) > maxResolvConf {
		return d, &fs.PathError{Op: "read", Path: name, Err: errors.New("too long for a resolv.conf")}
	}
	for line := range strings.Lines(string(text)) {
		readResolvLine(&d, strings.Fields(line))
	}
	return d, nil
}

func readResolvLine(d *dns, words []string) {
	if len(words) < 2 {
		return
	}
	switch words[0] {
	case "nameserver":
		d.nameservers = append(d.nameservers, words[1])
	case "domain":
		d.domain = words[1]
	case "search":
		d.search = append(d.search, words[1:]...)
	case "options":
		d.options = append(d.options, words[1:]...)
	}
}
