package lint

import (
	"strings"
)

// meant returns the key that name is a misspelling of.
func meant(name string, keys []string) (string, bool) {
	for _, key := range keys {
		if nearly(name, key) {
			return key, true
		}
	}
	return "", false
}

// nearly reports whether a is a misspelling of b: equal except for case, hyphens,
// underscores and a plural; or with one letter in five changed, missing, added or swapped
// with its neighbour.
func nearly(a, b string) bool {
	a, b = plain(a), plain(b)
	return a == b || min(len(a), len(b)) >= 4 && distance(a, b) <= max(1, max(len(a), len(b))/5)
}

func plain(s string) string {
	s = strings.NewReplacer("-", "", "_", "", " ", "", ":", "").Replace(strings.ToLower(s))
	return strings.TrimSuffix(s, "s")
}

// distance returns the edit distance of a and b (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			other := 1
			if a[i-1] == b[j-1] {
				other = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+other)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
