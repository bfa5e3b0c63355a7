package attachments

import (
	"cmp"
	"iter"
	"slices"
	"sort"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// Held is the container IDs of leases. [Held.Like] finds the ID that a mistaken ID was
// probably meant to be.
type Held struct {
	ids      map[string]string // IDs by their lower-case form
	lengths  []int             // the distinct lengths of the IDs
	suffixes []suffix          // in ascending order
	ends     map[string]string // hashes by their last shortIDLen digits
}

// A suffix is a container ID in lower case, or the part of it after one of its hyphens.
type suffix struct{ text, id string }

// isWhole reports whether the suffix is the whole ID.
func (s suffix) isWhole() bool { return len(s.text) == len(s.id) }

// shortIDLen is the number of digits of an ID that podman, nerdctl and docker print. Two
// different IDs do not share as many digits by accident.
const shortIDLen = 12

// HeldOf returns the container IDs of leases, or the first error of the iteration.
func HeldOf(leases iter.Seq2[backend.Lease, error]) (Held, error) {
	h := Held{ids: make(map[string]string), ends: make(map[string]string)}
	for l, err := range leases {
		if err != nil {
			return Held{}, err
		}
		if !l.Owner.IsZero() {
			h.add(l.Owner.ContainerID)
		}
	}
	slices.SortFunc(h.suffixes, func(a, b suffix) int {
		return cmp.Or(strings.Compare(a.text, b.text), strings.Compare(a.id, b.id))
	})
	return h, nil
}

func (h *Held) add(id string) {
	lower := strings.ToLower(id)
	if _, ok := h.ids[lower]; ok {
		return
	}
	h.ids[lower] = id
	if !slices.Contains(h.lengths, len(lower)) {
		h.lengths = append(h.lengths, len(lower))
	}
	h.suffixes = append(h.suffixes, suffix{lower, id})
	for i := range len(lower) {
		if lower[i] == '-' {
			h.suffixes = append(h.suffixes, suffix{lower[i+1:], id})
		}
	}
	if formOf(lower) == "hash" {
		h.ends[lower[len(lower)-shortIDLen:]] = id
	}
}

// Like returns the ID in h that id was probably meant to be, and how the two differ, or two
// empty strings. Two different IDs are alike if one begins with the other, if they share
// digits of a hash, or if they differ only in case or by a namespace.
//
// Any ID that begins with id is like it, even if only one digit is missing: a list whose IDs
// lack a digit looks like a list of other containers, so gc would release all leases. For
// this reason job-1 is like job-10.
func (h Held) Like(id string) (held, how string) {
	lower := strings.ToLower(id)
	if held := h.ids[lower]; held != "" {
		return held, "the two differ only in case, and runtimes write IDs in lower case"
	}
	if held := h.truncatedFrom(lower); held != "" {
		return held, "the list must have full IDs (podman and nerdctl: --no-trunc)"
	}
	if held := h.containedIn(lower); held != "" {
		return held, "the list must have IDs exactly as the runtime passes them to CNI, with nothing added"
	}
	return "", ""
}

// truncatedFrom returns the ID in h that was truncated to the given one, at either end.
func (h Held) truncatedFrom(id string) string {
	if held := h.withPrefix(id, func(s suffix) bool {
		return s.isWhole() || len(id) >= shortIDLen || len(s.text)-len(id) >= shortIDLen
	}); held != "" {
		return held
	}
	if len(id) < shortIDLen || !isHex(id) {
		return ""
	}
	if held := h.ends[id[len(id)-shortIDLen:]]; strings.HasSuffix(strings.ToLower(held), id) {
		return held
	}
	return ""
}

// containedIn returns the ID in h that the given one begins with, or whose hash it contains.
// IDs that no runtime lists do not count as such a beginning: they were not extended by
// mistake, and a PID is the beginning of many hashes.
func (h Held) containedIn(id string) string {
	for _, n := range h.lengths {
		if n >= len(id) || h.ids[id[:n]] == "" {
			continue
		}
		if _, isUnlisted := MadeBy(id[:n]); !isUnlisted {
			return h.ids[id[:n]]
		}
	}
	for part := range strings.FieldsFuncSeq(id, func(r rune) bool { return strings.ContainsRune("-._", r) }) {
		if len(part) < shortIDLen || !isHex(part) {
			continue
		}
		part = part[:min(len(part), hashLen)]
		if held := h.withPrefix(part, func(s suffix) bool { return formOf(s.text) == "hash" }); held != "" {
			return held
		}
	}
	return ""
}

// withPrefix returns the ID of the first suffix that begins with prefix and that accept
// accepts, or "".
func (h Held) withPrefix(prefix string, accept func(suffix) bool) string {
	at := sort.Search(len(h.suffixes), func(i int) bool { return h.suffixes[i].text >= prefix })
	for _, s := range h.suffixes[at:] {
		if !strings.HasPrefix(s.text, prefix) {
			break
		}
		if accept(s) {
			return s.id
		}
	}
	return ""
}
