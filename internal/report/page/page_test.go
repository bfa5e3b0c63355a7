package page_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/picture"
	"github.com/leasehold/leasehold/internal/report"
	"github.com/leasehold/leasehold/internal/report/page"
)

var now = time.Date(2026, 11, 25, 14, 30, 0, 0, time.UTC)

// network returns a network of a subnet with n leases of a pod with a long name, and as many ended
// ones.
func network(t *testing.T, subnet string, n, step int) report.Network {
	t.Helper()
	r, err := allocator.NewRange(allocator.RangeSpec{Subnet: netip.MustParsePrefix(subnet)})
	require.NoError(t, err)
	all := report.Network{Name: "podnet", Store: "bolt", Total: n, EndedAll: n}
	p := picture.NewDetailed("podnet", r, func(backend.Lease) bool { return false }, 1<<14)
	a := r.First().Next()
	for i := range n {
		sum := sha256.Sum256(fmt.Append(nil, i))
		l := backend.Lease{
			Addr: a, Owner: backend.Owner{ContainerID: fmt.Sprintf("%x", sum), IfName: "eth0"}, Since: now.Add(-time.Duration(i) * time.Second),
			Pod: backend.Pod{Namespace: fmt.Sprintf("team-%d", i%12), Name: fmt.Sprintf("web-frontend-%x-%x", sum[:5], sum[5:8])},
		}
		p.Add(l)
		all.Leases = append(all.Leases, l)
		all.Ended = append(all.Ended, backend.Ended{Lease: l, Until: now.Add(-time.Duration(i) * time.Second), Cause: backend.EndedByDEL})
		for range step {
			a = a.Next()
		}
	}
	if n > 0 {
		all.Reach = allocator.Reach{From: all.Ended[n-1].Until, Why: "the history begins then"}
	}
	all.Pictures = []*picture.Picture{p}
	all.Newest = all.Leases[:min(n, report.Recent)]
	if n > report.MaxLeases {
		all.Leases = nil
	}
	return all
}

func write(t *testing.T, live bool, networks ...report.Network) string {
	t.Helper()
	p, err := page.New()
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, p.Write(&b, report.Report{Host: "node-1", At: now, Networks: networks}, live))
	require.True(t, strings.HasSuffix(b.String(), "</html>\n"))
	return b.String()
}

// records returns the block of JSON in a page.
func records(t *testing.T, text string) (r struct {
	Nets []struct {
		Listed        bool
		Leases, Ended struct{ A, C, P []string }
		Reaches       int64
		Why           string
		Courses       []*struct {
			Leased []int
			To     int64
			Of     int
		}
	}
}) {
	t.Helper()
	m := regexp.MustCompile(`(?s)<script type="application/json" id="records">(.*?)</script>`).FindStringSubmatch(text)
	require.NotNil(t, m)
	require.NoError(t, json.Unmarshal([]byte(m[1]), &r))
	return r
}

// However many leases there are, the page is small and says what it lacks.
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		subnet      string
		leases      int
		step        int
		listed, all bool
	}{
		{"10.0.0.0/29", 5, 1, true, true},
		{"10.0.0.0/24", 200, 1, true, true},
		{"10.0.0.0/16", 10_000, 1, true, false},
		{"10.0.0.0/16", 10_000, 6, true, false},
		{"fd00::/64", 10_000, 1, true, false},
		{"10.0.0.0/16", 20_000, 3, false, false},
		{"10.0.0.0/12", 60_000, 17, false, false},
	} {
		if testing.Short() && c.leases > 20_000 {
			continue
		}
		text := write(t, false, network(t, c.subnet, c.leases, c.step))
		t.Logf("%s with %d leases: %d bytes", c.subnet, c.leases, len(text))
		require.Less(t, len(text), page.MaxBytes)
		r := records(t, text).Nets[0]
		require.Equal(t, c.listed, r.Listed, "%s with %d", c.subnet, c.leases)
		require.Equal(t, !c.listed, strings.Contains(text, "does not list them"))
		require.Equal(t, !c.all, strings.Contains(text, " ended leases. For those before"))
		if c.listed {
			require.Len(t, r.Leases.A, c.leases)
		}
		require.NotEmpty(t, r.Ended.A)
		require.Equal(t, now.Add(-time.Duration(len(r.Ended.A)-1)*time.Second).Unix(), r.Reaches)
		require.Equal(t, c.all, r.Why != "", "otherwise the store has earlier ones")
	}
}

// A network with many leases does not take the room of the others.
func TestSmallNetworksFirst(t *testing.T) {
	r := records(t, write(t, false, network(t, "10.0.0.0/16", 20_000, 1), network(t, "10.1.0.0/24", 200, 1)))
	require.False(t, r.Nets[0].Listed)
	require.True(t, r.Nets[1].Listed)
	require.Len(t, r.Nets[1].Ended.A, 200)
}

// The numbers of charts are in the page, and leave less room for leases.
func TestCharts(t *testing.T) {
	n := network(t, "10.0.0.0/16", 10_000, 6)
	fill := report.Fill{From: now.Add(-time.Hour), To: now, Leased: make([]int, 241)}
	for i := range fill.Leased {
		fill.Leased[i] = 10_000 + i%2
	}
	for _, subnet := range []string{"10.0.0.0/16", "10.1.0.0/16", "fd00::/64"} {
		r, err := allocator.NewRange(allocator.RangeSpec{Subnet: netip.MustParsePrefix(subnet)})
		require.NoError(t, err)
		set, err := allocator.NewSet(r)
		require.NoError(t, err)
		n.Usage = append(n.Usage, allocator.Usage{Set: set})
		n.Fills = append(n.Fills, fill)
	}
	n.Fills[1] = report.Fill{} // It is not known.
	text := write(t, false, n, n, n, n, n, n, n, n)
	require.Less(t, len(text), page.MaxBytes)
	courses := records(t, text).Nets[0].Courses
	require.Len(t, courses, 3)
	require.Equal(t, fill.Leased, courses[0].Leased)
	require.Equal(t, now.Unix(), courses[0].To)
	require.Equal(t, 65_533, courses[0].Of)
	require.Nil(t, courses[1])
	require.Zero(t, courses[2].Of, "no part of so many")
	require.Equal(t, 16, strings.Count(text, `<figure class="chart"`))
}

func TestForecast(t *testing.T) {
	n := network(t, "10.1.0.0/24", 200, 1)
	n.Usage = []allocator.Usage{{Leased: 200, Free: 53}}
	require.NotContains(t, write(t, false, n), "full in about")
	n.Forecasts = []allocator.Forecast{{In: 3 * time.Hour, Window: time.Hour}}
	require.Contains(t, write(t, false, n), "full in about 3 h at the rate of the last hour")
}

// Hostile names are long, too.
func TestHostileNamesAreBounded(t *testing.T) {
	n := network(t, "10.0.0.0/16", 10_000, 1)
	for i := range n.Leases {
		n.Leases[i].Pod.Name = strings.Repeat("<", 4000)
		n.Ended[i].Pod.Name = strings.Repeat("&", 4000)
	}
	text := write(t, false, n)
	require.Less(t, len(text), page.MaxBytes)
	require.False(t, strings.Contains(text, "<<<"))
}

// Nothing that others have chosen becomes markup, an attribute or script. Characters that would not
// be seen are escaped.
func TestEscapes(t *testing.T) {
	const evil = `</script><script>x</script>"'` + "\u202e\u2028\x1b&amp;{{.}}"
	n := network(t, "10.0.0.0/28", 5, 1)
	n.Name, n.Path, n.Failure, n.Shared, n.NoHistory = evil, evil, evil, evil, evil
	n.Commands = []report.Command{{Line: evil, Why: evil}}
	for i := range n.Leases {
		n.Leases[i].Owner = backend.Owner{ContainerID: evil, IfName: evil}
		n.Leases[i].Pod = backend.Pod{Namespace: evil, Name: evil}
		n.Ended[i].Lease = n.Leases[i]
	}
	n.Newest = n.Leases
	p, err := page.New()
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, p.Write(&b, report.Report{
		Host: evil, At: now, Networks: []report.Network{n}, Warnings: []string{evil}, Findings: []report.Finding{{Network: evil, Text: evil}, {Network: evil, Text: evil, Note: true}},
	}, false))
	text := b.String()
	require.Equal(t, 2, strings.Count(text, "</script>"))
	require.False(t, strings.Contains(text, "<script>x"))
	for _, c := range []string{"\u202e", "\u2028", "\x1b"} {
		i := strings.Index(text, c)
		require.Negative(t, i, "%q", text[max(0, i-100):max(0, i)])
	}
	require.False(t, strings.Contains(text, "ZgotmplZ"), "html/template has rejected a value")
	require.Contains(t, text, "&lt;/script&gt;&lt;script&gt;x&lt;/script&gt;")
}

// The policy allows the page's style and script, and nothing else. The page has no attribute that it
// would not allow.
func TestPolicy(t *testing.T) {
	p, err := page.New()
	require.NoError(t, err)
	for _, live := range []bool{false, true} {
		text := write(t, live, network(t, "10.0.0.0/24", 20, 1))
		for _, element := range []string{"style", "script"} {
			m := regexp.MustCompile(`(?s)<`+element+`>(.*?)</`+element+`>`).FindAllStringSubmatch(text, -1)
			require.Len(t, m, 1)
			sum := sha256.Sum256([]byte(m[0][1]))
			require.Contains(t, p.Policy(live), element+"-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
		}
		require.Contains(t, p.Policy(live), "default-src 'none'")
		require.NotContains(t, p.Policy(live), "unsafe")
		require.NotRegexp(t, `(?i)<[^>]* (style|on[a-z]+)=`, text)
		require.NotRegexp(t, `(?i)(href|src|action|srcset)="[^#d]`, text, "it refers to nothing else")
	}
	require.Contains(t, p.Policy(false), "connect-src 'none'")
	require.Contains(t, p.Policy(true), "connect-src 'self'")
}

// What cannot be read, or is not known, is said.
func TestUnknown(t *testing.T) {
	text := write(t, false, report.Network{Name: "broken", Store: "bolt", Failure: "store is damaged"}, report.Network{Name: "new", Store: "none"})
	require.Contains(t, text, "The store cannot be read: store is damaged")
	require.Contains(t, text, "no lease was ever made")
	require.Contains(t, text, "ranges not known")
	require.NotContains(t, text, "does not list them. To find")
	require.Contains(t, write(t, false), "There is no network here.")
}
