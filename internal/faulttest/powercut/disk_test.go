//go:build linux

package powercut

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// after returns the moment after these events.
func after(t *testing.T, events ...event) *moment {
	m := newMoment()
	for _, e := range events {
		require.NoError(t, m.apply(e))
	}
	return m
}

// text is a write of pieces of two bytes.
func text(path string, at int64, data string) write {
	return write{path: path, at: at, data: []byte(data)}
}

// flush is a sync of all that was done before.
func flush(path string) synced { return synced{path, 1 << 30} }

// leaves returns all that a power cut can leave, each as its files and what they hold.
func (m *moment) leaves() []string {
	found := map[string]bool{}
	for chosen, asked := 0, 0; chosen < 1<<asked || asked == 0; chosen++ {
		c := &cut{piece: 2, keeps: func(i int) bool { return chosen&(1<<i) != 0 }}
		found[m.disk.left(c).String()] = true
		if asked = max(asked, c.asked); asked == 0 {
			break
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func (i image) String() string {
	var all []string
	for _, it := range i {
		if it.isDir {
			all = append(all, it.path+"/")
		} else {
			all = append(all, fmt.Sprintf("%s=%s", it.path, strings.ReplaceAll(string(it.content.data), "\x00", "0")))
		}
	}
	return strings.Join(all, " ")
}

func TestModel(t *testing.T) {
	one := []event{create{path: "a", inode: 1}, text("a", 0, "1111"), flush("a"), flush(".")}
	two := append(one[:len(one):len(one)], mkdir{"d"}, create{path: "d/b", inode: 2}, text("d/b", 0, "22"), flush("d/b"), flush("d"), flush("."))
	for _, c := range []struct {
		name   string
		before []event
		events []event
		want   []string
	}{
		{"a file without a name is gone", nil, []event{create{path: "a", inode: 1}, text("a", 0, "xx"), flush("a")}, []string{"", "a=xx"}},
		{"a name does not make what the file holds durable", nil, []event{create{path: "a", inode: 1}, text("a", 0, "xx"), flush(".")}, []string{"a=", "a=00", "a=xx"}},
		{"pieces come one by one, and the size alone", one, []event{text("a", 4, "xxyy")}, []string{
			"a=1111", "a=11110000", "a=111100yy", "a=1111xx", "a=1111xx00", "a=1111xxyy",
		}},
		{"a piece lies at its place in the file", one, []event{text("a", 1, "xxx")}, []string{"a=1111", "a=11xx", "a=1x11", "a=1xxx"}},
		{"a piece is as one of the writes has left it", one, []event{text("a", 0, "x"), text("a", 1, "y")}, []string{"a=1111", "a=x111", "a=xy11"}},
		{"it is cut or not", one, []event{truncate{"a", 2}}, []string{"a=11", "a=1111"}},
		{"what is cut off does not come back", one, []event{truncate{"a", 2}, flush("a"), truncate{"a", 4}, flush("a")}, []string{"a=1100"}},
		{"to extend does not cut", one, []event{extend{"a", 2}, extend{"a", 6}}, []string{"a=1111", "a=111100"}},
		{"a rename is done or not", one, []event{rename{"a", "c"}}, []string{"a=1111", "c=1111"}},
		{"the last name comes without the first", nil, []event{create{path: "a", inode: 1}, rename{"a", "c"}}, []string{"", "a=", "c="}},
		{"a rename replaces", two, []event{rename{"d/b", "a"}}, []string{"a=1111 d/ d/b=22", "a=22 d/"}},
		{"a sync of the one directory keeps a rename", two, []event{rename{"d/b", "a"}, flush("d")}, []string{"a=22 d/"}},
		{"and so does one of the other", two, []event{rename{"d/b", "a"}, flush(".")}, []string{"a=22 d/"}},
		{"names are exchanged at once", two, []event{exchange{"a", "d/b"}}, []string{"a=1111 d/ d/b=22", "a=22 d/ d/b=1111"}},
		{"what comes later wins", two, []event{create{path: "c", inode: 3}, rename{"c", "d/c"}, flush("d")}, []string{"a=1111 d/ d/b=22 d/c="}},
		{"what is lost of one directory is not of another", two, []event{create{path: "c", inode: 3}, remove{"d/b"}, flush("d")}, []string{"a=1111 c= d/", "a=1111 d/"}},
		{"a link and the removal of the name come alone", one, []event{link{"a", "c"}, remove{"a"}}, []string{"", "a=1111", "a=1111 c=1111", "c=1111"}},
		{"a file is the same under both names", one, []event{link{"a", "c"}, flush("."), text("a", 0, "xx")}, []string{"a=1111 c=1111", "a=xx11 c=xx11"}},
		{"what is in a lost directory is lost", nil, []event{mkdir{"d"}, create{path: "d/a", inode: 1}, flush("d")}, []string{"", "d/ d/a="}},
		{"after a minute all is there", nil, []event{mkdir{"d"}, create{path: "d/a", inode: 1}, text("d/a", 0, "xx"), allSynced{1 << 30}}, []string{"d/ d/a=xx"}},
		{"a sync keeps what was done before it began", one, []event{text("a", 0, "xx"), text("a", 2, "yy"), synced{"a", len(one) + 1}}, []string{"a=xx11", "a=xxyy"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, after(t, append(slices.Clone(c.before), c.events...)...).leaves())
		})
	}
}

func TestModelKnowsTheTimeOfAFile(t *testing.T) {
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	m := after(t, create{path: "a", inode: 1}, write{"a", 0, []byte("x"), early}, flush("a"), flush("."), touch{"a", late})
	for kept, want := range map[bool]time.Time{false: early, true: late} {
		i := m.disk.left(&cut{piece: page, keeps: func(int) bool { return kept }})
		require.Equal(t, want, i[0].content.modified)
	}
}

func TestModelRefusesWhatCannotBe(t *testing.T) {
	for _, e := range []event{
		create{path: "none/a", inode: 1}, mkdir{"none/a"}, text("none", 0, "x"), truncate{"none", 0}, extend{"none", 1}, touch{path: "none"},
		rename{"none", "a"}, exchange{"none", "a"}, exchange{"a", "none"}, link{"none", "b"}, remove{"none"}, flush("none"),
	} {
		require.Error(t, after(t, create{path: "a", inode: 1}).apply(e), "%v", e)
	}
}

// What one image is told must not change another.
func TestImagesDoNotShareWhatTheyHold(t *testing.T) {
	m := after(t, create{path: "a", inode: 1}, text("a", 0, "1111"), flush("a"), flush("."), text("a", 2, "xxxx"), rename{"a", "b"})
	first := m.leaves()
	require.Equal(t, first, m.leaves())
	m.disk.left(&cut{piece: 2, keeps: func(int) bool { return true }})
	require.Equal(t, first, m.leaves())
}
