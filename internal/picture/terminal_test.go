package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/muesli/termenv"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

// A stretch is a number of equidistant leases, some from an earlier boot and some torn.
type stretch struct {
	first   string
	step, n int
}

func (s stretch) add(p *Picture) {
	first := addr(s.first).AsSlice()
	low := first[len(first)-4:]
	start := binary.BigEndian.Uint32(low)
	for i := range s.n {
		binary.BigEndian.PutUint32(low, start+uint32(i*s.step))
		a, _ := netip.AddrFromSlice(first)
		l := lease(a)
		if i%13 == 5 {
			l.Boot = "then"
		}
		if i%31 == 9 {
			l.Owner = backend.Owner{}
		}
		p.Add(l)
	}
}

// pictures returns a picture of each kind, by the name of its file in testdata.
func pictures(t *testing.T) map[string]*Picture {
	all := make(map[string]*Picture)
	for _, c := range []struct {
		name   string
		r      allocator.Range
		leases []stretch
	}{
		{"slash28", subnet(t, "10.88.0.0/28"), []stretch{{"10.88.0.2", 1, 6}, {"10.88.0.11", 1, 2}}},
		{"slash24", subnet(t, "10.88.0.0/24", "10.88.0.100-10.88.0.120"), []stretch{{"10.88.0.1", 1, 30}, {"10.88.0.40", 3, 30}}},
		{"slash20", subnet(t, "10.88.0.0/20"), []stretch{{"10.88.0.2", 1, 900}, {"10.88.12.0", 2, 300}}},
		{"slash16", subnet(t, "10.88.0.0/16", "10.88.192.0/19"), []stretch{
			{"10.88.0.2", 1, 5000}, {"10.88.32.0", 2, 2000}, {"10.88.64.0", 3, 3000}, {"10.88.128.0", 100, 80}, {"10.88.192.8", 1, 3},
		}},
		{"slash8", subnet(t, "10.0.0.0/8"), []stretch{{"10.0.0.2", 1, 20000}, {"10.64.0.0", 5000, 1000}}},
		{"slash8close", subnet(t, "10.0.0.0/8"), []stretch{{"10.0.0.2", 2, 100}}},
		{"piece", newRange(t, allocator.RangeSpec{Subnet: netip.MustParsePrefix("10.0.0.0/8"), First: addr("10.0.0.100"), Last: addr("10.0.4.50")}),
			[]stretch{{"10.0.0.100", 5, 40}}},
		{"six64", subnet(t, "fd00::/64"), []stretch{{"fd00::2", 1, 400}, {"fd00::200", 2, 200}}},
		{"six64far", subnet(t, "2001:db8:1:2::/64"), []stretch{{"2001:db8:1:2::2", 1, 400}, {"2001:db8:1:2:8000::", 1, 1}}},
		{"full", subnet(t, "10.88.0.0/29", "10.88.0.3"), []stretch{{"10.88.0.2", 1, 5}}},
		{"empty", subnet(t, "10.88.0.0/16"), nil},
	} {
		p := New("podnet", c.r, then)
		for _, s := range c.leases {
			s.add(p)
		}
		all[c.name] = p
	}
	return all
}

func draw(t require.TestingT, p *Picture, profile termenv.Profile) string {
	var b bytes.Buffer
	require.NoError(t, p.Terminal(&b, profile))
	return b.String()
}

func TestTerminalWithoutColours(t *testing.T) {
	for name, p := range pictures(t) {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".txt")
			got := draw(t, p, termenv.Ascii)
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestTerminalHasEightyColumns(t *testing.T) {
	all := pictures(t)
	all["long labels"] = New("podnet", newRange(t, allocator.RangeSpec{
		Subnet: netip.MustParsePrefix("255.255.240.0/20"), NoGateway: true,
	}), then)
	all["long name"] = New("a-network-with-a-name-that-goes-on-and-on-for-a-while", subnet(t, "2001:db8:aaaa:bbbb:cccc:dddd:eeee:0/112"), then)
	for name, p := range all {
		for _, profile := range []termenv.Profile{termenv.Ascii, termenv.ANSI, termenv.TrueColor} {
			for _, line := range strings.Split(escapes.ReplaceAllString(draw(t, p, profile), ""), "\n") {
				require.Equal(t, strings.TrimRight(line, " "), line)
				require.LessOrEqual(t, utf8.RuneCountInString(line), 80, "%s: %s", name, line)
			}
		}
	}
}

var colourProfiles = []termenv.Profile{termenv.ANSI, termenv.ANSI256, termenv.TrueColor}

// stateOf maps the escape sequences of colours to states.
func stateOf(t *testing.T, profile termenv.Profile) map[string]state {
	states := make(map[string]state)
	d := drawing{profile: profile}
	for s := open; s <= withheld; s++ {
		for _, background := range []bool{false, true} {
			sequence := d.colour(s).Sequence(background)
			require.NotContains(t, states, sequence, "each state has its own colour")
			states[sequence] = s
		}
	}
	return states
}

// readBack returns the states in a line of cells, of its upper and lower row.
func readBack(t *testing.T, line string, states map[string]state) (upper, lower []state) {
	var fg, bg state
	for line != "" {
		if at := escapes.FindStringIndex(line); at != nil && at[0] == 0 {
			sequence := strings.TrimSuffix(strings.TrimPrefix(line[:at[1]], "\x1b["), "m")
			fg, bg = outside, outside
			for s, st := range states {
				for t, other := range states {
					if sequence == s+";"+t {
						fg, bg = st, other
					}
				}
				if sequence == s {
					fg = st
				}
			}
			require.True(t, fg != outside || sequence == "0", "not a colour of a state: %s", sequence)
			line = line[at[1]:]
			continue
		}
		r, n := utf8.DecodeRuneInString(line)
		line = line[n:]
		require.Equal(t, r == ' ', fg == outside, "%q", r)
		switch r {
		case ' ':
			upper, lower = append(upper, outside), append(lower, outside)
		case '█':
			upper, lower = append(upper, fg), append(lower, fg)
		case '▀':
			upper, lower = append(upper, fg), append(lower, bg)
		case '▄':
			upper, lower = append(upper, bg), append(lower, fg)
		default:
			require.Fail(t, "not a cell", "%q", r)
		}
	}
	blank := make([]state, 2*maxWidth) // trailing blanks
	return append(upper, blank...), append(lower, blank...)
}

func TestTerminalInColours(t *testing.T) {
	for name, p := range pictures(t) {
		for _, profile := range colourProfiles {
			t.Run(name+" "+profile.Name(), func(t *testing.T) {
				states, g := stateOf(t, profile), p.grid()
				lines := strings.Split(draw(t, p, profile), "\n")[len(wrapWords(p.caption(g), columns)):]
				label := utf8.RuneCountInString(g.labels()[0]) + 1
				for i := 0; i < len(g.rows); i++ {
					cells := string([]rune(lines[0])[label:])
					lines = lines[1:]
					upper, lower := readBack(t, cells, states)
					if g.width < maxWidth {
						require.Equal(t, upper, lower)
						for x, c := range g.rows[i] {
							require.Equal(t, []state{c.state(), c.state()}, upper[2*x:2*x+2])
						}
						continue
					}
					for x, c := range g.rows[i] {
						require.Equal(t, c.state(), upper[x])
					}
					if i++; i < len(g.rows) {
						for x, c := range g.rows[i] {
							require.Equal(t, c.state(), lower[x])
						}
					}
				}
			})
		}
	}
}

func TestTerminalReturnsWriteError(t *testing.T) {
	for _, p := range pictures(t) {
		require.ErrorIs(t, p.Terminal(broken{}, termenv.TrueColor), errBroken)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }
