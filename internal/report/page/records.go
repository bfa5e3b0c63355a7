package page

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/picture"
	"github.com/leasehold/leasehold/internal/report"
)

const (
	// MaxBytes is about how long a page is at most.
	MaxBytes = 1 << 20

	// frame is how many bytes of it are neither leases nor pictures, and minRecords how many are left
	// for leases if the pictures of many networks take the rest.
	frame      = 80 << 10
	minRecords = 200 << 10

	// maxName is how many characters of a name are kept. A pod and its namespace have up to 317.
	maxName = 320
)

// Records is what the script of a page reads.
type records struct {
	At    int64     `json:"at"` // Unix seconds, as are all times
	Live  bool      `json:"live"`
	Looks []string  `json:"looks"` // what they mean
	Nets  []network `json:"nets"`
}

type network struct {
	Name    string  `json:"name"`
	Listed  bool    `json:"listed"` // whether Leases has all leases
	Leases  *leases `json:"leases,omitempty"`
	Ended   *leases `json:"ended,omitempty"`
	Reaches int64   `json:"reaches"`       // since when Ended is complete
	Why     string  `json:"why,omitempty"` // why the store has no earlier ones; empty if only the page lacks them
	History bool    `json:"history"`       // whether there could be any
	Maps    []sheet `json:"maps"`

	Courses []*course `json:"courses"` // of the range sets; nil for one without a chart
}

// A course is the numbers of a chart.
type course struct {
	From   int64  `json:"from"`
	To     int64  `json:"to"`
	Leased []int  `json:"leased"`       // at equal intervals
	Top    int    `json:"top"`          // the number at the upper edge
	Of     uint64 `json:"of,omitempty"` // addresses of the set, unless they are too many to be compared with
}

// Leases are columns with an element for each lease. A column that says nothing is left out.
type leases struct {
	Addrs      []string `json:"a"`           // only what is after the last dot or colon if the rest is as before
	Containers []string `json:"c"`           // empty: torn, or forgotten
	IfNames    []string `json:"i,omitempty"` // the names; one of them, if all are the same
	Pods       []string `json:"p,omitempty"`
	Since      []int64  `json:"s"`           // seconds before the report
	Earlier    []int    `json:"b,omitempty"` // indices of those from an earlier boot
	Until      []int64  `json:"u,omitempty"` // seconds before the report, of ended leases
	Causes     []string `json:"e,omitempty"`
}

func newRecords(r report.Report, live bool) records {
	all := records{At: r.At.Unix(), Live: live, Nets: make([]network, len(r.Networks))}
	for _, l := range picture.Looks() {
		all.Looks = append(all.Looks, l.Means)
	}
	for i, n := range r.Networks {
		all.Nets[i] = network{Name: cli.Printable(n.Name), History: n.NoHistory == "", Maps: sheets(n), Courses: courses(n)}
	}
	budget := MaxBytes - frame
	for _, n := range all.Nets {
		budget -= n.mapBytes()
	}
	budget = max(budget, minRecords)
	for _, i := range bySize(r.Networks) {
		all.Nets[i].addLeases(r.Networks[i], r.At, &budget)
	}
	for left, i := range bySize(r.Networks) {
		share := budget / (len(r.Networks) - left)
		budget -= share - all.Nets[i].addEnded(r.Networks[i], r.At, share)
	}
	return all
}

// bySize returns the indices of the networks, those with few leases first: one with many must not
// take the room of all others.
func bySize(networks []report.Network) []int {
	order := make([]int, len(networks))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(networks[a].Total, networks[b].Total) })
	return order
}

// mapBytes returns about how many bytes the maps take, drawn and as records.
func (n *network) mapBytes() (bytes int) {
	const perLabel, perCell, perStep, perNumber = 90, 16, 10, 7
	for _, s := range n.Maps {
		bytes += perLabel * len(s.drawing.Labels)
		for _, p := range s.drawing.Paths {
			bytes += len(p.D)
		}
		for _, r := range s.Rows {
			bytes += perLabel + perCell*len(r.Cells)/2
		}
	}
	for _, c := range n.Courses {
		if c != nil {
			bytes += (2*perStep + perNumber) * len(c.Leased)
		}
	}
	return bytes
}

// addLeases adds all leases, or none if they are too many.
func (n *network) addLeases(from report.Network, at time.Time, budget *int) {
	c := columns{at: at}
	for _, l := range from.Leases {
		c.add(l)
	}
	n.Listed = from.Failure == "" && len(from.Leases) == from.Total && c.bytes <= *budget
	if n.Listed && from.Total > 0 {
		*budget -= c.bytes
		n.Leases = c.done()
		n.Leases.Earlier = earlier(from)
	}
}

// earlier returns the indices of the leases from an earlier boot, as the pictures have it.
func earlier(n report.Network) (indices []int) {
	for i, l := range n.Leases {
		if n.Boot.SeemsEarlier(l) {
			indices = append(indices, i)
		}
	}
	return indices
}

// addEnded adds the latest ended leases that fit into the budget, and returns what is left of it.
func (n *network) addEnded(from report.Network, at time.Time, budget int) int {
	c := columns{at: at}
	n.Reaches = max(from.Reaches().Unix(), 0)
	if len(from.Ended) < report.MaxEnded {
		n.Why = from.Reach.Why
	}
	last := at.Unix() // when the last one ended that fits
	for _, e := range from.Ended {
		before := c.bytes
		if c.add(e.Lease); c.bytes+endBytes > budget {
			c.dropLast()
			c.bytes = before
			if last > n.Reaches {
				n.Reaches, n.Why = last, ""
			}
			break
		}
		c.bytes += endBytes
		c.Until = append(c.Until, c.ago(e.Until))
		c.Causes = append(c.Causes, e.Cause.String())
		if !e.Until.IsZero() {
			last = e.Until.Unix()
		}
	}
	if len(c.Addrs) > 0 {
		n.Ended = c.done()
	}
	return budget - c.bytes
}

// endBytes is about how long the end of a lease is in JSON.
const endBytes = 16

// A columns is leases that are being written.
type columns struct {
	leases
	at     time.Time
	prefix string // of the address before
	bytes  int    // about how long they are in JSON
}

func (c *columns) add(l backend.Lease) {
	addr := l.Addr.String()
	cut := strings.LastIndexAny(addr, ".:") + 1
	short := addr
	if prefix := addr[:cut]; prefix == c.prefix && cut < len(addr) {
		short = addr[cut:]
	} else {
		c.prefix = prefix
	}
	pod := ""
	if l.Pod != (backend.Pod{}) {
		pod = name(l.Pod.String())
	}
	id, ifName := name(cli.ShortID(l.Owner.ContainerID)), name(l.Owner.IfName)
	c.Addrs, c.Containers, c.Pods, c.IfNames = append(c.Addrs, short), append(c.Containers, id), append(c.Pods, pod), append(c.IfNames, ifName)
	c.Since = append(c.Since, c.ago(l.Since))
	const others = 2 + 2 + 2 + 8 // quotes, commas and the time
	c.bytes += len(short) + length(id) + length(pod) + others
	if n := len(c.IfNames); n > 1 && ifName != c.IfNames[0] {
		c.bytes += length(ifName) + 2
	}
}

// dropLast takes back the last add.
func (c *columns) dropLast() {
	n := len(c.Addrs) - 1
	c.Addrs, c.Containers, c.Pods, c.IfNames, c.Since = c.Addrs[:n], c.Containers[:n], c.Pods[:n], c.IfNames[:n], c.Since[:n]
}

// ago returns how many seconds before the report something was, or -1 if that is not known. What is
// dated in the future is now.
func (c *columns) ago(at time.Time) int64 {
	if at.IsZero() {
		return -1
	}
	return max(0, c.at.Unix()-at.Unix())
}

// done leaves out what says nothing.
func (c *columns) done() *leases {
	if !slices.ContainsFunc(c.Pods, func(p string) bool { return p != "" }) {
		c.Pods = nil
	}
	if first := c.IfNames[0]; !slices.ContainsFunc(c.IfNames, func(i string) bool { return i != first }) {
		c.IfNames = c.IfNames[:1]
	}
	return &c.leases
}

// length returns how long a text is in JSON that is part of a page. html/template writes six bytes
// for each character that could end the block.
func length(text string) int {
	n := len(text)
	for _, c := range `"\<>&'` {
		n += 5 * strings.Count(text, string(c))
	}
	return n
}

// name returns a name as it is shown.
func name(text string) string { return cli.Shorten(cli.Printable(text), maxName) }
