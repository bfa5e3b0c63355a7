package allocator

import (
	"encoding/json"
	"errors"
	"net"

	"github.com/leasehold/leasehold/internal/config"
)

// An IPAMConfig has the parts of a [config.Config] that the tests use.
type IPAMConfig struct {
	Name   string
	Type   string
	Ranges []RangeSet
	IPArgs []net.IP
}

// LoadIPAMConfig parses a configuration and CNI_ARGS, and also returns the version. An
// error has its own text, without advice.
func LoadIPAMConfig(stdin []byte, cniArgs string) (*IPAMConfig, string, error) {
	c, err := config.Parse(stdin, cniArgs)
	if refusal := (*config.Error)(nil); errors.As(err, &refusal) {
		return nil, "", errors.New(refusal.Text)
	}
	if err != nil {
		return nil, "", err
	}
	var raw struct { // keys that Parse does not return
		IPAM struct{ Type string }
	}
	if err := json.Unmarshal(stdin, &raw); err != nil {
		return nil, "", err
	}
	loaded := &IPAMConfig{Name: c.Name, Type: raw.IPAM.Type}
	for _, set := range c.Pool.Sets() {
		loaded.Ranges = append(loaded.Ranges, rangeSetOf(set))
	}
	for _, addr := range c.Requested {
		loaded.IPArgs = append(loaded.IPArgs, ipOf(addr))
	}
	return loaded, c.CNIVersion, nil
}
