package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseMoment(t *testing.T) {
	zone := time.FixedZone("", 2*60*60)
	now := time.Date(2026, 3, 1, 14, 30, 15, 500, zone)
	for text, want := range map[string]string{
		"14:03":                "2026-03-01T14:03:00+02:00 1m0s",
		"14:30":                "2026-03-01T14:30:00+02:00 1m0s",
		"14:31":                "2026-02-28T14:31:00+02:00 1m0s",
		"14:30:15":             "2026-03-01T14:30:15+02:00 1s",
		"23:59:59":             "2026-02-28T23:59:59+02:00 1s",
		"2026-01-02 03:04":     "2026-01-02T03:04:00+02:00 1m0s",
		"2026-01-02T03:04:05":  "2026-01-02T03:04:05+02:00 1s",
		"2026-01-02T03:04:05Z": "2026-01-02T03:04:05Z 1s",
		"90m":                  "2026-03-01T13:00:15+02:00 1s",
		"1d":                   "2026-02-28T14:30:15+02:00 1s",
	} {
		got, err := parseMoment(text, now)
		require.NoError(t, err, text)
		require.Equal(t, want, got.from.Format(time.RFC3339)+" "+got.until.Sub(got.from).String(), text)
	}
	for _, text := range []string{"", "noon", "25:00", "14", "2026-01-02", "-5m"} {
		_, err := parseMoment(text, now)
		require.ErrorContains(t, err, "is not a time", text)
	}
}
