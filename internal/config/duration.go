package config

import (
	"errors"
	"time"

	"github.com/leasehold/leasehold/internal/duration"
)

// readDuration reads the duration at a key, at least the shortest one. What is wanted, and the advice,
// are for a text that is no such duration.
func readDuration(key, text string, shortest time.Duration, wanted, advice string) (time.Duration, error) {
	d, err := duration.Parse(text)
	switch {
	case errors.Is(err, duration.ErrLarge):
		return 0, invalid("write at most "+duration.Largest, "%s: %q is too large a duration", key, text)
	case err != nil, d < shortest:
		return 0, invalid(advice, "%s: %q is not %s", key, text, wanted)
	}
	return d, nil
}
