package cli

import (
	"strings"
	"time"

	"github.com/spf13/pflag"

	parse "github.com/leasehold/leasehold/internal/duration"
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

func (d *duration) Set(text string) error {
	parsed, err := parse.Parse(text)
	if err == nil {
		*d = duration(parsed)
	}
	return err
}
