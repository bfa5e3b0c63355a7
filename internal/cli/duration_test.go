package cli_test

import (
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/cli"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "7d": 168 * time.Hour, "1d2h": 26 * time.Hour,
		"1d0h": 24 * time.Hour, "-5m": -5 * time.Minute, "65535d": 65535 * 24 * time.Hour,
		"2562047h": 2562047 * time.Hour, "106751d23h": 2562047 * time.Hour, "-2562047h": -2562047 * time.Hour, "1.5h": 90 * time.Minute,
	} {
		got, err := parseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"5", "", "d", "1d5", "-1d", "1d-5m", "1.5d", "5 m", "soon", "+", "1d+", "-2562048h", "d9999999h", "9999999hours"} {
		_, err := parseDuration(text)
		require.ErrorContains(t, err, `"--older-than" flag: want a number and its unit, such as 30s, 5m, 36h or 7d`, text)
	}
	for _, text := range []string{"2562048h", "106752d", "106751d24h", "99999999999999999999d", "1d9999999h", "1d2562047h", "9999999h1ns", "+9999999h"} {
		_, err := parseDuration(text)
		require.ErrorContains(t, err, `"--older-than" flag: it is too large: the largest duration is 2562047h`, text)
	}
}

func parseDuration(text string) (d time.Duration, err error) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	cli.DurationVar(flags, &d, "older-than", time.Minute, "")
	err = flags.Parse([]string{"--older-than=" + text})
	return d, err
}

// The help shows a default in as few units as possible.
func TestDurationDefault(t *testing.T) {
	for value, want := range map[time.Duration]string{
		0: "0s", 30 * time.Second: "30s", 5 * time.Minute: "5m", time.Hour: "1h", time.Hour + time.Minute: "1h1m", 70 * time.Second: "1m10s",
	} {
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		cli.DurationVar(flags, new(time.Duration), "d", value, "")
		require.Equal(t, want, flags.Lookup("d").DefValue)
	}
}
