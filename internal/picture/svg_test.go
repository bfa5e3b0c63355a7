package picture

import (
	"bytes"
	"encoding/xml"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// A document has the elements of an SVG that the tests check.
type document struct {
	XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
	Width   int      `xml:"width,attr"`
	Height  int      `xml:"height,attr"`
	Title   string   `xml:"title"`
	Plates  []struct {
		Texts []struct {
			Class string `xml:"class,attr"`
			Text  string `xml:",chardata"`
		} `xml:"text"`
		Rects []struct {
			Class  string `xml:"class,attr"`
			X      int    `xml:"x,attr"`
			Y      int    `xml:"y,attr"`
			Width  int    `xml:"width,attr"`
			Height int    `xml:"height,attr"`
			Title  string `xml:"title"`
		} `xml:"rect"`
	} `xml:"g"`
}

var someTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))

func svg(t *testing.T, pictures ...*Picture) (string, document) {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, SVG(&b, someTime, pictures...))
	var d document
	require.NoError(t, xml.Unmarshal(b.Bytes(), &d))
	require.True(t, strings.HasSuffix(b.String(), "</svg>\n"))
	return b.String(), d
}

// texts returns the texts of a class.
func (d document) texts(plate int, class string) (texts []string) {
	for _, text := range d.Plates[plate].Texts {
		if text.Class == class {
			texts = append(texts, text.Text)
		}
	}
	return texts
}

var part = regexp.MustCompile(`(?:^|, )([0-9,]+) (leased in an earlier boot|leased|torn|free|withheld)`)

// read parses the title of a cell.
func read(t *testing.T, title string) (leasable, closed uint64, counted tally) {
	_, text, ok := strings.Cut(title, ": ")
	require.True(t, ok, title)
	switch {
	case strings.HasPrefix(text, "excluded"), text == "gateway", strings.HasPrefix(text, "gateway,"):
		return 0, 1, tally{}
	case text == "free":
		return 1, 0, tally{}
	case text == "torn":
		return 1, 0, tally{torn: 1}
	case strings.HasPrefix(text, "leased in an earlier boot"):
		return 1, 0, tally{earlier: 1}
	case strings.HasPrefix(text, "leased"):
		return 1, 0, tally{leased: 1}
	}
	text, _, _ = strings.Cut(text, " of them")
	for _, m := range part.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseUint(strings.ReplaceAll(m[1], ",", ""), 10, 64)
		require.NoError(t, err)
		switch m[2] {
		case "leased":
			counted.leased = n
		case "leased in an earlier boot":
			counted.earlier = n
		case "torn":
			counted.torn = n
		case "withheld":
			closed += n
			continue
		}
		leasable += n
	}
	return leasable, closed, counted
}

func TestCellsOfSVGAddUp(t *testing.T) {
	for name, p := range pictures(t) {
		t.Run(name, func(t *testing.T) {
			_, d := svg(t, p)
			g := p.grid()
			side, _ := plate{grid: g}.cellSize()
			var (
				leasable, closed, cells uint64
				counted                 tally
			)
			for _, r := range d.Plates[0].Rects {
				if r.Title == "" {
					continue // a swatch of the legend
				}
				require.Equal(t, side, r.Height)
				require.Zero(t, r.Width%side)
				require.LessOrEqual(t, r.X+r.Width, d.Width-2*margin)
				cells += uint64(r.Width / side)
				if !strings.Contains(r.Title, "2^") {
					able, unable, c := read(t, r.Title)
					leasable, closed, counted = leasable+able, closed+unable, counted.plus(c)
				}
			}
			var want uint64
			for _, row := range g.rows {
				for _, c := range row {
					if c.span.Size() > 0 {
						want++
					}
				}
			}
			require.Equal(t, want, cells)
			all := p.total()
			all.stray = 0
			if name == "six64far" {
				return // the counts are saturated
			}
			require.Equal(t, all, counted)
			if !g.zoomed {
				require.Equal(t, p.r.Size(), leasable)
				require.Equal(t, overlap(p.whole(), p.r.Holes()), closed)
			}
		})
	}
}

func TestPositionsOfSVGCells(t *testing.T) {
	p := New("podnet", subnet(t, "10.0.0.0/24"), then)
	p.Add(lease(addr("10.0.0.67")))
	_, d := svg(t, p)
	var got []string
	for _, r := range d.Plates[0].Rects {
		if strings.HasPrefix(r.Title, "10.0.0.6") {
			got = append(got, r.Class+" "+strconv.Itoa(r.Width)+" "+r.Title)
		}
	}
	require.Equal(t, []string{
		"free 60 10.0.0.64-10.0.0.66: 3 free", "full 20 10.0.0.67: leased to 4f2d9c (eth0)", "free 560 10.0.0.68-10.0.0.95: 28 free",
	}, got)
}

func TestSVGHasWords(t *testing.T) {
	_, d := svg(t, pictures(t)["six64"], New("other", subnet(t, "10.0.0.0/28"), never))
	require.Equal(t, "leases of podnet, other", d.Title)
	require.Len(t, d.Plates, 2)
	require.Equal(t, []string{
		"podnet, fd00::/64: 600 of about 2^64 addresses leased; one to a cell",
		"all leases are in fd00::/118, which is shown; the rest is free",
		"drawn at 2026-01-02 02:04:05 UTC",
	}, d.texts(0, "caption"))
	require.Equal(t, []string{"about 2^64 free", "535 leased", "45 leased in an earlier boot", "20 torn", "1 withheld"}, d.texts(0, "entry"))
	require.Len(t, d.texts(0, "label"), 16)
	require.Equal(t, "fd00::40", d.texts(0, "label")[1])
	require.Equal(t, []string{"10.0.0.0"}, d.texts(1, "label"))

	var b bytes.Buffer
	require.NoError(t, SVG(&b, time.Time{}, New("podnet", subnet(t, "10.0.0.0/28"), never)))
	require.NotContains(t, b.String(), "drawn at")
}

// A gateway is not merged with free cells.
func TestOnlyFreeCellsAreMerged(t *testing.T) {
	p := New("podnet", subnet(t, "10.0.0.0/16", "10.0.0.70-10.0.0.79"), then)
	_, d := svg(t, p)
	require.Equal(t, "10.0.0.1-10.0.0.31: 30 free, 1 withheld", d.Plates[0].Rects[0].Title)
	require.Equal(t, "10.0.0.32-10.0.0.63: 32 free", d.Plates[0].Rects[1].Title)
	require.Equal(t, "10.0.0.64-10.0.0.95: 22 free, 10 withheld", d.Plates[0].Rects[2].Title)
	require.Equal(t, "10.0.0.96-10.0.7.255: 1,952 free", d.Plates[0].Rects[3].Title)
}

// Names are untrusted: networks are named on the command line, containers and pods by their
// creators.
func TestSVGEscapesNames(t *testing.T) {
	const evil = `</title><script>alert("1")</script>&amp;` + "'\xff\x01"
	p := New(evil, subnet(t, "10.0.0.0/28"), then)
	l := lease(addr("10.0.0.2"))
	l.Owner = backend.Owner{ContainerID: evil, IfName: evil}
	l.Pod = backend.Pod{Namespace: evil, Name: evil}
	p.Add(l)
	text, d := svg(t, p)
	readable := strings.NewReplacer("\xff", "\ufffd", "\x01", "\ufffd").Replace(evil)
	require.Equal(t, "leases of "+readable, d.Title)
	require.Contains(t, d.texts(0, "caption")[0], readable)
	require.Equal(t, "10.0.0.2: leased to "+readable+" ("+readable+"), pod "+readable+"/"+readable, d.Plates[0].Rects[1].Title)
	require.NotContains(t, text, "<script")
	for _, from := range []string{"href", "url(", "@import", "<image", "http:", "https:"} {
		require.NotContains(t, strings.Replace(text, `xmlns="http://www.w3.org/2000/svg"`, "", 1), from, "it refers to nothing else")
	}
}

func TestSVGStaysSmall(t *testing.T) {
	for name, p := range pictures(t) {
		text, _ := svg(t, p)
		require.Less(t, len(text), 300<<10, name)
	}
	empty, _ := svg(t, pictures(t)["empty"])
	require.Less(t, len(empty), 12<<10)
}

func TestSVGReturnsWriteError(t *testing.T) {
	for _, p := range pictures(t) {
		require.ErrorIs(t, SVG(broken{}, someTime, p), errBroken)
	}
}

// Without a colour of its own a cell is black.
func TestEachStateHasAColour(t *testing.T) {
	p := New("podnet", subnet(t, "10.0.0.0/20"), then)
	p.AddCooling(addr("10.0.0.2"))
	p.AddCooling(addr("10.0.15.2"))
	text, d := svg(t, p)
	for s := open; s < states; s++ {
		l := s.look()
		require.Contains(t, text, "."+l.class+"{fill:"+l.light+"}\n")
		require.Contains(t, text, "."+l.class+"{fill:"+l.dark+"}\n")
	}
	require.Equal(t, "10.0.0.2-10.0.0.3: 1 cooling, 1 free", d.Plates[0].Rects[1].Title)
	require.Equal(t, "cooling", d.Plates[0].Rects[1].Class)
}
