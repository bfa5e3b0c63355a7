// Package duration parses durations that people write, with days as a unit.
package duration

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// Largest is the largest duration in whole hours: a [time.Duration] counts nanoseconds.
const Largest = "2562047h"

// Errors of Parse.
var (
	Err      = errors.New("want a number and its unit, such as 30s, 5m, 36h or 7d")
	ErrLarge = errors.New("it is too large: the largest duration is " + Largest)
)

// Parse is [time.ParseDuration] with days of 24 hours, a whole number, as the first unit. It returns
// [ErrLarge] for a duration that is right but too large, and otherwise [Err].
func Parse(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	days, rest, ok := strings.Cut(text, "d")
	if !ok {
		days, rest = "0", text
	} else if rest == "" {
		rest = "0"
	}
	n, daysErr := strconv.ParseUint(days, 10, 64)
	parsed, restErr := time.ParseDuration(rest)
	switch {
	case daysErr != nil && !errors.Is(daysErr, strconv.ErrRange), restErr != nil && !isLarge(rest), ok && parsed < 0:
		return 0, Err
	case daysErr != nil, restErr != nil, n > uint64(math.MaxInt64/day), parsed > math.MaxInt64-time.Duration(n)*day:
		return 0, ErrLarge
	}
	return time.Duration(n)*day + parsed, nil
}

// isLarge reports whether what [time.ParseDuration] rejects is written as a positive duration: with zeros in
// place of its digits it is one.
func isLarge(text string) bool {
	text = strings.TrimPrefix(text, "+")
	zeros := strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return '0'
		}
		return r
	}, text)
	_, err := time.ParseDuration("0s" + zeros) // Alone, "0" needs no unit.
	return err == nil && text != ""
}
