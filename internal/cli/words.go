package cli

import (
	"fmt"
	"strings"
	"time"
)

// ShortID truncates the hash in a container ID to as many digits as crictl prints. An ID of
// nerdctl keeps the namespace in front of it.
func ShortID(id string) string {
	const digits, short = 64, 13
	if at := len(id) - digits; at >= 0 && strings.Trim(id[at:], "0123456789abcdef") == "" {
		return id[:at+short]
	}
	return id
}

// Age formats a duration in its largest nonzero unit and the next smaller one.
func Age(d time.Duration) string {
	day := 24 * time.Hour
	switch {
	case d < 0:
		return "0s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	}
}
