package config

import "github.com/leasehold/leasehold/allocator"

func (c *rawIPAM) cooldown() (parsed allocator.Cooldown, err error) {
	parsed.Strict = c.ReuseAfterStrict
	switch {
	case c.ReuseAfter == "" && parsed.Strict:
		return parsed, invalid(`add "reuseAfter": "30s", or leave it out`, "ipam.reuseAfterStrict: it needs ipam.reuseAfter")
	case c.ReuseAfter == "":
		return parsed, nil
	}
	parsed.ReuseAfter, err = readDuration("ipam.reuseAfter", c.ReuseAfter, 0, "a duration", `write a duration, for example "30s"`)
	return parsed, err
}
