package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/leasehold/leasehold/internal/duration"
)

// A moment is a time as precisely as it was given: "14:03" is all of that minute.
type moment struct {
	from, until time.Time     // until is not part of it
	again       time.Duration // the same time was once more so much later, when clocks were put back; or 0
}

// meets reports whether a lease was held at some time in the moment, until then; zero means now.
func (m moment) meets(since, until time.Time) bool {
	during := func(from, to time.Time) bool {
		return since.Before(to) && (until.IsZero() || !until.Before(from))
	}
	return during(m.from, m.until) || m.again > 0 && during(m.from.Add(m.again), m.until.Add(m.again))
}

// isAhead reports whether the moment is later than now.
func (m moment) isAhead(now time.Time) bool { return m.from.After(now) }

// wasGiven reports whether it is not what present returns.
func (m moment) wasGiven() bool { return m.until.After(m.from) }

// newMoment returns the moment that begins at a time of the clocks in a zone, which is given in UTC. It
// returns false if clocks were put forward past that time.
func newMoment(clock time.Time, zone *time.Location, unit time.Duration) (m moment, ok bool) {
	at := time.Date(clock.Year(), clock.Month(), clock.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, zone)
	const near = 3 * time.Hour // Clocks are changed by at most so much.
	_, before := at.Add(-near).Zone()
	_, after := at.Add(near).Zone()
	m = moment{from: at, until: at.Add(unit)}
	if back := time.Duration(before-after) * time.Second; back > 0 {
		switch at.Format(time.DateTime) {
		case at.Add(-back).Format(time.DateTime):
			m = moment{from: at.Add(-back), until: at.Add(unit - back), again: back}
		case at.Add(back).Format(time.DateTime):
			m.again = back
		}
	}
	return m, at.Format(time.DateTime) == clock.Format(time.DateTime)
}

// zoned is a time of day with a zone behind it, as RFC 3339 has it or with a space.
var zoned = regexp.MustCompile(`^(.*\d:\d\d(?::\d\d)?(?: ?[AaPp][Mm])?)\s*(?:(Z|UTC)|([+-]\d\d):?(\d\d))$`)

// parseMoment parses a time, in the zone of now unless it names one. A time of day without a date
// is the last such time before now.
func parseMoment(text string, now time.Time) (moment, error) {
	if m := zoned.FindStringSubmatch(text); m != nil {
		zone, err := time.Parse("-07:00", m[3]+":"+m[4])
		switch {
		case m[2] != "":
			zone = time.Time{}.UTC()
		case err != nil:
			return moment{}, notATime(text)
		}
		if at, err := parseMoment(m[1], now.In(zone.Location())); err == nil {
			return at, nil
		}
		return moment{}, notATime(text)
	}
	for _, f := range []struct {
		layout string
		unit   time.Duration
	}{
		{"2006-01-02 15:04:05", time.Second}, {"2006-01-02T15:04:05", time.Second},
		{"2006-01-02 15:04", time.Minute}, {"2006-01-02T15:04", time.Minute},
	} {
		if at, err := time.Parse(f.layout, text); err == nil {
			m, ok := newMoment(at, now.Location(), f.unit)
			if !ok {
				return m, fmt.Errorf("%q is not a time: clocks were put forward past it", text)
			}
			return m, nil
		}
	}
	for layout, unit := range map[string]time.Duration{
		"15:04": time.Minute, "15:04:05": time.Second, "3:04PM": time.Minute, "3:04:05PM": time.Second,
		"3:04 PM": time.Minute, "3:04:05 PM": time.Second,
	} {
		if at, err := time.Parse(layout, strings.ToUpper(text)); err == nil {
			return lastTimeOfDay(at, now, unit), nil
		}
	}
	ago, err := duration.Parse(text)
	switch {
	case errors.Is(err, duration.ErrLarge):
		return moment{}, fmt.Errorf("%q: %w", text, err)
	case err == nil && ago >= 0:
		at := now.Add(-ago).Truncate(time.Second)
		return moment{from: at, until: at.Add(time.Second)}, nil
	}
	return moment{}, notATime(text)
}

// present returns the present moment.
func (t *tool) present() moment {
	now := t.now()
	return moment{from: now, until: now}
}

func notATime(text string) error {
	return fmt.Errorf(`%q is not a time: write one like 14:03, "14:03 UTC", "2006-01-02 14:03", 2006-01-02T14:03:05Z, or 90m for that long ago`, text)
}

// lastTimeOfDay returns the last moment not after now with that time of day.
func lastTimeOfDay(of, now time.Time, unit time.Duration) moment {
	for day := now.Day(); ; day-- {
		clock := time.Date(now.Year(), now.Month(), day, of.Hour(), of.Minute(), of.Second(), 0, time.UTC)
		m, ok := newMoment(clock, now.Location(), unit)
		if !ok || m.isAhead(now) {
			continue
		}
		if m.from.Add(m.again).After(now) {
			m.again = 0
		}
		return m
	}
}

// warnOfTwice says how to ask for one of the two times that a clock shows twice.
func (t *tool) warnOfTwice(m moment) {
	if m.again > 0 {
		layout := "2006-01-02 15:04 -07:00"
		if m.until.Sub(m.from) < time.Minute {
			layout = "2006-01-02 15:04:05 -07:00"
		}
		t.warn("clocks were put back, so that was twice: --at %q, and --at %q", m.from.Format(layout), m.from.Add(m.again).Format(layout))
	}
}
