package interop

import (
	"regexp"
	"strings"
)

// knownTexts are messages that users search their logs for. If stock prints one of them,
// our message starts with stock's whole message.
func knownTexts() []string {
	return []string{
		"no IP addresses available in range set",
		"duplicate allocation is not allowed",
		"requested IP address",
		"no IP ranges specified",
		"invalid range set",
		"is subnet's gateway",
		"failed to allocate all requested IPs",
	}
}

// kind returns the known text in a message, or the whole message.
func kind(msg string) string {
	for _, text := range knownTexts() {
		if strings.Contains(msg, text) {
			return text
		}
	}
	return msg
}

func quote(text string) string { return regexp.QuoteMeta(text) }

func replace(text, old, with string) string { return strings.ReplaceAll(text, old, with) }
