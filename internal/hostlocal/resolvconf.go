package hostlocal

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
)

// maxResolvConf is larger than any resolv.conf(5). Some files, such as /dev/zero, never
// end.
const maxResolvConf = 1 << 20

// readResolvConf reads the DNS settings from a file in the format of resolv.conf(5).
// Unknown and incomplete lines are skipped, as by the resolver. So no other content of a
// file gets into a result, and none at all into an error.
func readResolvConf(name string) (types.DNS, error) {
	var dns types.DNS
	f, err := os.Open(name)
	if err != nil {
		return dns, err
	}
	defer f.Close() // It was only read.
	text, err := io.ReadAll(io.LimitReader(f, maxResolvConf+1))
	if err != nil {
		return dns, err
	}
	if len(text) > maxResolvConf {
		return dns, &fs.PathError{Op: "read", Path: name, Err: errors.New("too long for a resolv.conf")}
	}
	for line := range strings.Lines(string(text)) {
		readResolvLine(&dns, strings.Fields(line))
	}
	return dns, nil
}

func readResolvLine(dns *types.DNS, words []string) {
	if len(words) < 2 {
		return
	}
	switch words[0] {
	case "nameserver":
		dns.Nameservers = append(dns.Nameservers, words[1])
	case "domain":
		dns.Domain = words[1]
	case "search":
		dns.Search = append(dns.Search, words[1:]...)
	case "options":
		dns.Options = append(dns.Options, words[1:]...)
	}
}
