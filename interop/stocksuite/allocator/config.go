package allocator

import (
	"encoding/json"
	"errors"
	"net"

	"github.com/leasehold/leasehold/internal/config"
)

// An IPAMConfig is what the tests look at in a [config.Config].
type IPAMConfig struct {
	Name   string
	Type   string
	Ranges []RangeSet
	IPArgs []net.IP
}

// LoadIPAMConfig parses a configuration and CNI_ARGS, and returns the version besides. An
// error has the text of its own, without advice.
func LoadIPAMConfig(stdin []byte, cniArgs string) (*IPAMConfig, string, error) {
	c, err := config.Parse(stdin, cniArgs)
	if refusal := (*config.Error)(nil); errors.As(err, &refusal) {
		return nil, "", errors.New(refusal.Text)
	}
	if err != nil {
		return nil, "", err
	}
	var raw struct { // what Parse has no use for
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
