// Package resolvconf reads the file that the key resolvConf in ipam names.
package resolvconf

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// A DNS is the DNS settings in a result.
type DNS struct {
	Nameservers []string
	Domain      string
	Search      []string
	Options     []string
}

// IsEmpty reports whether there are no settings.
func (d DNS) IsEmpty() bool {
	return len(d.Nameservers) == 0 && d.Domain == "" && len(d.Search) == 0 && len(d.Options) == 0
}

// maxLen is larger than any resolv.conf(5). Some files, such as /dev/zero, never end.
const maxLen = 1 << 20

// Read reads the DNS settings from a file in the format of resolv.conf(5). Unknown and
// incomplete lines are skipped, as by the resolver. So no other content of a file gets into a
// result, and none at all into an error.
func Read(name string) (DNS, error) {
	var d DNS
	text, err := read(name)
	if err != nil {
		return d, err
	}
	for line := range strings.Lines(string(text)) {
		d.add(strings.Fields(line))
	}
	return d, nil
}

// read returns the content of a file, and does not wait for one: of a FIFO without a writer it would never
// come.
func read(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() // It was only read.
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if kind := info.Mode(); kind&fs.ModeNamedPipe != 0 {
		return nil, failed(name, "is a FIFO, not a file")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxLen+1))
	if err == nil && len(text) > maxLen {
		err = failed(name, "too long for a resolv.conf")
	}
	return text, err
}

func failed(name, why string) error {
	return &fs.PathError{Op: "read", Path: name, Err: errors.New(why)}
}

// add adds the settings in the words of a line.
func (d *DNS) add(words []string) {
	if len(words) < 2 {
		return
	}
	switch words[0] {
	case "nameserver":
		d.Nameservers = append(d.Nameservers, words[1])
	case "domain":
		d.Domain = words[1]
	case "search":
		d.Search = append(d.Search, words[1:]...)
	case "options":
		d.Options = append(d.Options, words[1:]...)
	}
}
