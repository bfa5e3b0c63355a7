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

// after returns the moment after the events.
func after(t *testing.T, events ...event) *moment {
	m := newMoment()
	for _, e := range events {
		require.NoError(t, m.apply(e))
	}
	return m
}

// text returns a write at an offset.
func text(path string, at int64, data string) write {
	return write{path: path, at: at, data: []byte(data)}
}

// flush returns a sync of everything done before.
func flush(path string) synced { return synced{path, 1 << 30} }

// images returns every image that a power cut can leave, as its files and their content.
func (m *moment) images() []string {
	found := map[string]bool{}
	for chosen, asked := 0, 0; chosen < 1<<asked || asked == 0; chosen++ {
		c := &cut{piece: 2, keeps: func(i int) bool { return chosen&(1<<i) != 0 }}
		found[m.disk.imageAfter(c).String()] = true
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
		{"a file whose name is lost is lost", nil, []event{create{path: "a", inode: 1}, text("a", 0, "xx"), flush("a")}, []string{"", "a=xx"}},
		{"a durable name does not make the content durable", nil, []event{create{path: "a", inode: 1}, text("a", 0, "xx"), flush(".")}, []string{"a=", "a=00", "a=xx"}},
		{"pieces and the size survive independently", one, []event{text("a", 4, "xxyy")}, []string{
			"a=1111", "a=11110000", "a=111100yy", "a=1111xx", "a=1111xx00", "a=1111xxyy",
		}},
		{"pieces are aligned", one, []event{text("a", 1, "xxx")}, []string{"a=1111", "a=11xx", "a=1x11", "a=1xxx"}},
		{"a piece is as one of the writes left it", one, []event{text("a", 0, "x"), text("a", 1, "y")}, []string{"a=1111", "a=x111", "a=xy11"}},
		{"a truncation survives or not", one, []event{truncate{"a", 2}}, []string{"a=11", "a=1111"}},
		{"truncated data does not come back", one, []event{truncate{"a", 2}, flush("a"), truncate{"a", 4}, flush("a")}, []string{"a=1100"}},
		{"extending does not truncate", one, []event{extend{"a", 2}, extend{"a", 6}}, []string{"a=1111", "a=111100"}},
		{"a rename survives or not", one, []event{rename{"a", "c"}}, []string{"a=1111", "c=1111"}},
		{"a rename survives without the creation", nil, []event{create{path: "a", inode: 1}, rename{"a", "c"}}, []string{"", "a=", "c="}},
		{"a rename replaces", two, []event{rename{"d/b", "a"}}, []string{"a=1111 d/ d/b=22", "a=22 d/"}},
		{"a sync of the old directory keeps a rename", two, []event{rename{"d/b", "a"}, flush("d")}, []string{"a=22 d/"}},
		{"a sync of the new directory keeps a rename", two, []event{rename{"d/b", "a"}, flush(".")}, []string{"a=22 d/"}},
		{"an exchange is atomic", two, []event{exchange{"a", "d/b"}}, []string{"a=1111 d/ d/b=22", "a=22 d/ d/b=1111"}},
		{"the later change wins", two, []event{create{path: "c", inode: 3}, rename{"c", "d/c"}, flush("d")}, []string{"a=1111 d/ d/b=22 d/c="}},
		{"directories lose changes independently", two, []event{create{path: "c", inode: 3}, remove{"d/b"}, flush("d")}, []string{"a=1111 c= d/", "a=1111 d/"}},
		{"a link and a removal survive independently", one, []event{link{"a", "c"}, remove{"a"}}, []string{"", "a=1111", "a=1111 c=1111", "c=1111"}},
		{"a file has the same content under both names", one, []event{link{"a", "c"}, flush("."), text("a", 0, "xx")}, []string{"a=1111 c=1111", "a=xx11 c=xx11"}},
		{"files in a lost directory are lost", nil, []event{mkdir{"d"}, create{path: "d/a", inode: 1}, flush("d")}, []string{"", "d/ d/a="}},
		{"after syncfs everything survives", nil, []event{mkdir{"d"}, create{path: "d/a", inode: 1}, text("d/a", 0, "xx"), allSynced{1 << 30}}, []string{"d/ d/a=xx"}},
		{"a sync keeps what was done before it started", one, []event{text("a", 0, "xx"), text("a", 2, "yy"), synced{"a", len(one) + 1}}, []string{"a=xx11", "a=xxyy"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, after(t, append(slices.Clone(c.before), c.events...)...).images())
		})
	}
}

func TestModelModificationTime(t *testing.T) {
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	m := after(t, create{path: "a", inode: 1}, write{"a", 0, []byte("x"), early}, flush("a"), flush("."), touch{"a", late})
	for kept, want := range map[bool]time.Time{false: early, true: late} {
		i := m.disk.imageAfter(&cut{piece: page, keeps: func(int) bool { return kept }})
		require.Equal(t, want, i[0].content.modified)
	}
}

func TestModelRejectsImpossibleEvents(t *testing.T) {
	for _, e := range []event{
		create{path: "none/a", inode: 1}, mkdir{"none/a"}, text("none", 0, "x"), truncate{"none", 0}, extend{"none", 1}, touch{path: "none"},
		rename{"none", "a"}, exchange{"none", "a"}, exchange{"a", "none"}, link{"none", "b"}, remove{"none"}, flush("none"),
	} {
		require.Error(t, after(t, create{path: "a", inode: 1}).apply(e), "%v", e)
	}
}

// Building one image must not change another.
func TestImagesDoNotShareContent(t *testing.T) {
	m := after(t, create{path: "a", inode: 1}, text("a", 0, "1111"), flush("a"), flush("."), text("a", 2, "xxxx"), rename{"a", "b"})
	first := m.images()
	require.Equal(t, first, m.images())
	m.disk.imageAfter(&cut{piece: 2, keeps: func(int) bool { return true }})
	require.Equal(t, first, m.images())
}
