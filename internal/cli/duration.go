package cli

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// DurationVar defines a flag for a duration, which may include days, as durations in
// answers do.
func DurationVar(flags *pflag.FlagSet, p *time.Duration, name string, value time.Duration, usage string) {
	*p = value
	flags.Var((*duration)(p), name, usage)
}

type duration time.Duration

func (d *duration) Type() string { return "duration" }

// String omits trailing zero units.
func (d *duration) String() string {
	text := time.Duration(*d).String()
	for _, zero := range []struct{ end, unit string }{{"m0s", "m"}, {"h0m", "h"}} {
		if stem, ok := strings.CutSuffix(text, zero.end); ok {
			text = stem + zero.unit
		}
	}
	return text
}

var errDuration = errors.New("want a number and its unit, such as 30s, 5m, 36h or 7d")

func (d *duration) Set(text string) error {
	days, rest, ok := strings.Cut(text, "d")
	if !ok {
		days, rest = "0", text
	} else if rest == "" {
		rest = "0"
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return errDuration
	}
	parsed, err := time.ParseDuration(rest)
	if err != nil || ok && parsed < 0 {
		return errDuration
	}
	whole := time.Duration(n) * 24 * time.Hour // at most 180 years
	if whole+parsed < whole && parsed > 0 {
		return errDuration // It overflows a time.Duration.
	}
	*d = duration(whole + parsed)
	return nil
}
