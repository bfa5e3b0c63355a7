package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
)

// The advice shows the correction with the values of the configuration.
func TestAdvice(t *testing.T) {
	const lists = `ranges is a list of range sets, each of them a list of ranges: write "ranges": `
	for stdin, advice := range map[string]string{
		conf(`"ranges": [{"subnet": "10.1.2.0/24"}]`):                                    lists + `[[{"subnet":"10.1.2.0/24"}]]`,
		conf(`"ranges": [{"subnet": "10.1.2.0/24"}, {"subnet": "10.3.0.0/24", "x": 1}]`): lists + `[[{"subnet":"10.1.2.0/24"},{"subnet":"10.3.0.0/24","x":1}]]`,
		conf(`"ranges": [{"subnet": "fd00::/64"}, {"subnet": "10.1.2.0/24"}]`):           lists + `[[{"subnet":"10.1.2.0/24"}],[{"subnet":"fd00::/64"}]]`,
		conf(`"ranges": [{"range": "10.1.2.0/24"}]`):                                     `write a list of range sets, each of them a list of ranges: [[{"subnet": "10.1.2.0/24"}]]`,
		conf(`"ranges": {"subnet": "10.1.2.0/24"}`):                                      "correct the type of this value",
		with(`"runtimeConfig": {"ipRanges": [{"subnet": "10.1.2.0/24"}]}`):               `write a list of range sets, each of them a list of ranges: [[{"subnet": "10.1.2.0/24"}]]`,
		conf(`"subnet": "10.1.2.0/24", "ranges": [[{"subnet": "10.1.2.128/25"}]]`):       "change the range sets so that they do not overlap",
		conf(`"ranges": [[{"subnet": "10.1.0.0/16"}, {"subnet": "10.1.2.0/24"}]]`):       "correct ipam.ranges[0][0] or ipam.ranges[0][1] so that they do not overlap",
		conf(`"ranges": [[{"subnet": "10.1.0.0/16"}, {"subnet": "fd00::/64"}]]`):         `correct the ranges in ipam.ranges[0]; use one set for each family, as in "ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "fd00::/64"}]]`,
		conf(`"subnet": "10.1.2.0"`):                                                     "write a network like 10.1.2.0/24 or fd00::/64: the prefix length after 10.1.2.0 is missing",
		conf(`"subnet": "usePodCidr"`):                                                   "write a network like 10.1.2.0/24 or fd00::/64; only the calico plugin replaces usePodCidr by the subnet of the node",
		conf(`"subnet": "10.1.2.0/24", "gateway": "10.1.2.1/24"`):                        "write 10.1.2.1, without /24",
		conf(`"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.300"`):                      "write an address like 10.1.2.3 or fd00::3",
		conf(`"subnet": "10.1.2.0/24", "lockTimeout": "9999999h"`):                       "write at most 2562047h",
		conf(`"subnet": "10.1.2.0/24", "lockTimeout": "5"`):                              `write a positive duration, for example "30s"`,
		conf(`"subnet": "10.1.2.0/24", "routes": ["10.0.0.0/8"]`):                        `write a route as {"dst": "10.1.0.0/16", "gw": "10.1.2.1"}`,
		with(`"runtimeConfig": {"ipRanges": [[{"subnet": "10.1.2.0/25"}]]}`):             "change the range sets so that they do not overlap",
	} {
		_, err := config.Parse([]byte(stdin), "")
		var e *config.Error
		require.ErrorAs(t, err, &e, stdin)
		require.Equal(t, advice, e.Advice, stdin)
	}
}

func TestErrNoRanges(t *testing.T) {
	_, err := config.Parse([]byte(conf(`"gateway": "10.1.2.1"`)), "")
	require.ErrorIs(t, err, config.ErrNoRanges)
	require.ErrorIs(t, err, config.ErrInvalid)
	_, err = config.Parse([]byte(conf(`"ranges": [[]]`)), "")
	require.NotErrorIs(t, err, config.ErrNoRanges)
}

func TestSetKeys(t *testing.T) {
	c, err := config.Parse([]byte(`{"name": "net", "ipam": {"subnet": "10.1.2.0/24", "ranges": [[{"subnet": "10.2.0.0/24"}], [{"subnet": "10.3.0.0/24"}]]},
		"cniVersion": "1.0.0", "runtimeConfig": {"ipRanges": [[{"subnet": "fd00::/64"}]]}}`), "")
	require.NoError(t, err)
	require.Equal(t, []string{"runtimeConfig.ipRanges[0]", "ipam", "ipam.ranges[0]", "ipam.ranges[1]"}, c.SetKeys)
}
