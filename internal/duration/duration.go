// Package duration parses durations that people write, with days as a unit.
package duration

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Err is the error of Parse.
var Err = errors.New("want a number and its unit, such as 30s, 5m, 36h or 7d")

// Parse is [time.ParseDuration] with days of 24 hours, a whole number, as the first unit.
func Parse(text string) (time.Duration, error) {
	days, rest, ok := strings.Cut(text, "d")
	if !ok {
		days, rest = "0", text
	} else if rest == "" {
		rest = "0"
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, Err
	}
	parsed, err := time.ParseDuration(rest)
	if err != nil || ok && parsed < 0 {
		return 0, Err
	}
	whole := time.Duration(n) * 24 * time.Hour // at most 180 years
	if whole+parsed < whole && parsed > 0 {
		return 0, Err // It overflows a time.Duration.
	}
	return whole + parsed, nil
}
