package config

import (
	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/duration"
)

func (raw *rawIPAM) cooldown() (c allocator.Cooldown, err error) {
	c.Strict = raw.ReuseAfterStrict
	if raw.ReuseAfter == "" {
		if c.Strict {
			return c, invalid(`add "reuseAfter": "30s", or leave it out`, "ipam.reuseAfterStrict: it needs ipam.reuseAfter")
		}
		return c, nil
	}
	if c.ReuseAfter, err = duration.Parse(raw.ReuseAfter); err != nil || c.ReuseAfter < 0 {
		return c, invalid(`write a duration, for example "30s"`, "ipam.reuseAfter: %q is not a duration", raw.ReuseAfter)
	}
	return c, nil
}
