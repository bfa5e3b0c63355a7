package picture

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

// columns is the minimum width of a terminal.
const columns = 80

// maxLabel is the space that a long row of cells leaves for its label: the length of the
// longest IPv4 address.
const maxLabel = columns - maxWidth - 1

// labels returns the first addresses of the rows, padded to one length. If they are too
// long, their common parts are left out.
func (g *grid) labels() []string {
	texts := make([]string, len(g.rows))
	for i, row := range g.rows {
		texts[i] = row[0].first.String()
	}
	if longest(texts) > maxLabel {
		for i, row := range g.rows {
			texts[i] = g.shortened(row[0].first)
		}
	}
	width := longest(texts)
	for i, s := range texts {
		texts[i] = s + strings.Repeat(" ", width-utf8.RuneCountInString(s))
	}
	return texts
}

func longest(texts []string) (n int) {
	for _, s := range texts {
		n = max(n, utf8.RuneCountInString(s))
	}
	return n
}

// shortened returns the groups of an IPv6 address in which the rows differ, at most the
// last two. It must not be used for rows that differ in their first groups; their addresses
// are short because they end in zeros.
func (g *grid) shortened(addr netip.Addr) string {
	const perGroup = 16
	groups := strings.Split(addr.StringExpanded(), ":")
	last := (addr.BitLen() - 1 - g.rowBits()) / perGroup // zeros follow: rows are aligned
	first := last
	if !g.agree(last * perGroup) {
		first--
	}
	text := "…:" + strings.Join(groups[first:last+1], ":")
	if last < len(groups)-1 {
		text += "::"
	}
	return text
}

// agree reports whether the rows begin with the same bits.
func (g *grid) agree(bits int) bool {
	return netip.PrefixFrom(g.span.First, bits).Contains(g.span.Last)
}
