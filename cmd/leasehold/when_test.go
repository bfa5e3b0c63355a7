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
		"14:03":                     "2026-03-01T14:03:00+02:00 1m0s",
		"14:30":                     "2026-03-01T14:30:00+02:00 1m0s",
		"14:31":                     "2026-02-28T14:31:00+02:00 1m0s",
		"14:30:15":                  "2026-03-01T14:30:15+02:00 1s",
		"23:59:59":                  "2026-02-28T23:59:59+02:00 1s",
		"2026-01-02 03:04":          "2026-01-02T03:04:00+02:00 1m0s",
		"2026-01-02T03:04:05":       "2026-01-02T03:04:05+02:00 1s",
		"2026-01-02T03:04:05Z":      "2026-01-02T03:04:05Z 1s",
		"14:03 UTC":                 "2026-02-28T14:03:00Z 1m0s",
		"12:30Z":                    "2026-03-01T12:30:00Z 1m0s",
		"12:31 Z":                   "2026-02-28T12:31:00Z 1m0s",
		"23:59 +09:00":              "2026-02-28T23:59:00+09:00 1m0s",
		"21:30:15+0900":             "2026-03-01T21:30:15+09:00 1s",
		"2026-01-02 03:04 UTC":      "2026-01-02T03:04:00Z 1m0s",
		"2026-01-02T03:04:05-05:30": "2026-01-02T03:04:05-05:30 1s",
		"2:03 pm":                   "2026-03-01T14:03:00+02:00 1m0s",
		"2:03:04PM":                 "2026-03-01T14:03:04+02:00 1s",
		"12:03 AM UTC":              "2026-03-01T00:03:00Z 1m0s",
		"90m":                       "2026-03-01T13:00:15+02:00 1s",
		"1d":                        "2026-02-28T14:30:15+02:00 1s",
	} {
		got, err := parseMoment(text, now)
		require.NoError(t, err, text)
		require.Equal(t, want, got.from.Format(time.RFC3339)+" "+got.until.Sub(got.from).String(), text)
	}
	for _, text := range []string{"", "noon", "25:00", "14", "2026-01-02", "-5m", "14:03 UTC UTC", "14:03+99:00", "14:03 PM", "0:03 PM PM", "14:03 MEZ", "90m UTC", "Z"} {
		_, err := parseMoment(text, now)
		require.ErrorContains(t, err, "is not a time", text)
	}
}

func TestMomentsWhenClocksAreChanged(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	back := time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC) // from 3:00 to 2:00
	for text, c := range map[string]struct {
		now  time.Time
		want string // in UTC
	}{
		"2026-10-25 02:30":       {back.AddDate(0, 1, 0), "00:30 1h0m0s"},
		"2026-10-25 02:00":       {back.AddDate(0, 1, 0), "00:00 1h0m0s"},
		"2026-10-25 02:59":       {back.AddDate(0, 1, 0), "00:59 1h0m0s"},
		"2026-10-25 03:00":       {back.AddDate(0, 1, 0), "02:00 0s"},
		"2026-10-25 01:59":       {back.AddDate(0, 1, 0), "23:59 0s"},
		"2026-10-25 02:30+01:00": {back.AddDate(0, 1, 0), "01:30 0s"},
		"02:30":                  {back.Add(time.Hour), "00:30 1h0m0s"},
		"02:30:00":               {back.Add(20 * time.Minute), "00:30 0s"}, // It has been only once until now.
	} {
		m, err := parseMoment(text, c.now.In(zone))
		require.NoError(t, err)
		require.Equal(t, c.want, m.from.UTC().Format("15:04 ")+m.again.String(), text)
	}
	forward := time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC) // from 2:00 to 3:00
	_, err = parseMoment("2026-03-29 02:30", forward.In(zone))
	require.ErrorContains(t, err, `"2026-03-29 02:30" is not a time: clocks were put forward past it`)
	m, err := parseMoment("02:30", forward.Add(5*time.Hour).In(zone))
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 3, 28, 1, 30, 0, 0, time.UTC), m.from.UTC(), "on the day before")

	twice := moment{from: back.Add(-30 * time.Minute), until: back.Add(-29 * time.Minute), again: time.Hour}
	require.False(t, twice.meets(back, back.Add(10*time.Minute)), "between both")
	require.True(t, twice.meets(back, back.Add(30*time.Minute)))
}
