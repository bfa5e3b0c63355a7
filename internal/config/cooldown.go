package config

import (
	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/duration"
)

func (c *rawIPAM) cooldown() (parsed allocator.Cooldown, err error) {
	parsed.Strict = c.ReuseAfterStrict
	switch {
	case c.ReuseAfter == "" && parsed.Strict:
		return parsed, invalid(`add "reuseAfter": "30s", or leave it out`, "ipam.reuseAfterStrict: it needs ipam.reuseAfter")
	case c.ReuseAfter == "":
		return parsed, nil
	}
	if parsed.ReuseAfter, err = duration.Parse(c.ReuseAfter); err != nil || parsed.ReuseAfter < 0 {
		return parsed, invalid(`write a duration, for example "30s"`, "ipam.reuseAfter: %q is not a duration", c.ReuseAfter)
	}
	return parsed, nil
}
