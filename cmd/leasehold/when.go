package main

import (
	"fmt"
	"time"

	"github.com/leasehold/leasehold/internal/duration"
)

// A moment is a time as precisely as it was given: "14:03" is all of that minute.
type moment struct{ from, until time.Time } // until is not part of it

// parseMoment parses a time, in the zone of now unless it names one. A time of day without a date
// is the last such time before now.
func parseMoment(text string, now time.Time) (moment, error) {
	for _, f := range []struct {
		layout string
		unit   time.Duration
	}{
		{time.RFC3339, time.Second},
		{"2006-01-02 15:04:05", time.Second}, {"2006-01-02T15:04:05", time.Second},
		{"2006-01-02 15:04", time.Minute}, {"2006-01-02T15:04", time.Minute},
	} {
		if at, err := time.ParseInLocation(f.layout, text, now.Location()); err == nil {
			return moment{at, at.Add(f.unit)}, nil
		}
	}
	for layout, unit := range map[string]time.Duration{"15:04": time.Minute, "15:04:05": time.Second} {
		if at, err := time.Parse(layout, text); err == nil {
			return lastTimeOfDay(at, now, unit), nil
		}
	}
	if ago, err := duration.Parse(text); err == nil && ago >= 0 {
		at := now.Add(-ago).Truncate(time.Second)
		return moment{at, at.Add(time.Second)}, nil
	}
	return moment{}, fmt.Errorf(`%q is not a time: write one like 14:03, "2006-01-02 14:03", 2006-01-02T14:03:05Z, or 90m for that long ago`, text)
}

// lastTimeOfDay returns the last moment not after now with that time of day.
func lastTimeOfDay(of, now time.Time, unit time.Duration) moment {
	for day := now.Day(); ; day-- {
		at := time.Date(now.Year(), now.Month(), day, of.Hour(), of.Minute(), of.Second(), 0, now.Location())
		if !at.After(now) {
			return moment{at, at.Add(unit)}
		}
	}
}
