package attachments

import (
	"cmp"
	"iter"
	"slices"
	"sort"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// Held are the container IDs of leases. [Held.Like] finds the one that another ID was
// probably meant to be.
type Held struct {
	ids     map[string]string // by the ID in lower case
	lengths []int             // of the IDs
	pieces  []piece           // in ascending order
	ends    map[string]string // hashes by their last digits
}

// A piece is a container ID in lower case, or what follows one of its hyphens.
type piece struct{ text, whole string }

// isWhole reports whether the piece is the whole ID.
func (p piece) isWhole() bool { return len(p.text) == len(p.whole) }

// long is how many digits podman, nerdctl and docker print of an ID. So many are alike in
// two IDs by no accident.
const long = 12

// HeldOf returns the container IDs of leases. An error of the leases ends it.
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
	slices.SortFunc(h.pieces, func(a, b piece) int {
		return cmp.Or(strings.Compare(a.text, b.text), strings.Compare(a.whole, b.whole))
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
	h.pieces = append(h.pieces, piece{lower, id})
	for i := range len(lower) {
		if lower[i] == '-' {
			h.pieces = append(h.pieces, piece{lower[i+1:], id})
		}
	}
	if formOf(lower) == "hash" {
		h.ends[lower[len(lower)-long:]] = id
	}
}

// Like returns an ID that holds a lease and that the given one, which differs from it, was
// probably meant to be, and says how they differ. One of them begins with the other, or
// both have the same digits of a hash; or they differ in case, or by a namespace.
//
// That a whole ID begins with the given one is enough, whatever is missing: a list that
// has lost one digit looks like a list of other containers, which spares none of them. So
// job-1 is like job-10 as well.
func (h Held) Like(id string) (held, how string) {
	lower := strings.ToLower(id)
	if held := h.ids[lower]; held != "" {
		return held, "the two differ in case only, and runtimes write IDs in lower case"
	}
	if held := h.cut(lower); held != "" {
		return held, "the list has to have whole IDs (podman and nerdctl: --no-trunc)"
	}
	if held := h.extended(lower); held != "" {
		return held, "the list has to have IDs as the runtime gives them to CNI, with nothing added"
	}
	return "", ""
}

// cut returns an ID of which the given one is a piece.
func (h Held) cut(id string) string {
	if held := h.begins(id, func(p piece) bool {
		return p.isWhole() || len(id) >= long || len(p.text)-len(id) >= long
	}); held != "" {
		return held
	}
	if len(id) < long || !isHex(id) {
		return ""
	}
	if held := h.ends[id[len(id)-long:]]; strings.HasSuffix(strings.ToLower(held), id) {
		return held
	}
	return ""
}

// extended returns an ID that the given one begins with, or the hash of which it has. An ID
// that no runtime lists was not cut from one on a list, and a PID is the beginning of many
// hashes.
func (h Held) extended(id string) string {
	for _, n := range h.lengths {
		if n >= len(id) || h.ids[id[:n]] == "" {
			continue
		}
		if _, never := MadeBy(id[:n]); !never {
			return h.ids[id[:n]]
		}
	}
	for part := range strings.FieldsFuncSeq(id, func(r rune) bool { return strings.ContainsRune("-._", r) }) {
		if len(part) < long || !isHex(part) {
			continue
		}
		part = part[:min(len(part), hashLen)]
		if held := h.begins(part, func(p piece) bool { return formOf(p.text) == "hash" }); held != "" {
			return held
		}
	}
	return ""
}

// begins returns the ID of a piece that begins with text, if it is one that counts.
func (h Held) begins(text string, counts func(piece) bool) string {
	at := sort.Search(len(h.pieces), func(i int) bool { return h.pieces[i].text >= text })
	for _, p := range h.pieces[at:] {
		if !strings.HasPrefix(p.text, text) {
			break
		}
		if counts(p) {
			return p.whole
		}
	}
	return ""
}
