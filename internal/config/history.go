package config

import "github.com/leasehold/leasehold/allocator"

// maxHistory is the most ended leases that can be kept.
const maxHistory = 10_000_000

func parseHistory(text []byte) (allocator.History, error) {
	parsed := allocator.DefaultHistory()
	switch string(text) {
	case "", "null":
		return parsed, nil
	case "0":
		return allocator.History{}, nil
	}
	var h rawHistory
	if err := decodeAt("ipam.history", text, h.fields()); err != nil {
		return parsed, err
	}
	if h.Keep != nil {
		if parsed.Keep = *h.Keep; parsed.Keep < 0 || parsed.Keep > maxHistory {
			return parsed, invalid(`write how many ended leases to keep, or "history": 0 to keep none`,
				"ipam.history.keep: %d is not from 0 to %d", parsed.Keep, maxHistory)
		}
	}
	if h.For == "" {
		return parsed, nil
	}
	var err error
	parsed.For, err = readDuration("ipam.history.for", h.For, 1, "a positive duration", `write how long to keep ended leases, for example "30d" or "12h"`)
	return parsed, err
}
