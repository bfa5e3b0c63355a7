package page

import "fmt"

// A Fault is what is wrong with a page, or with something on it.
type Fault struct {
	Page uint64
	Part string // of the file: a bucket, or what else the page belongs to
	Keys string // which keys belong on the page, as [Space] describes them; or empty
	Err  error
}

func (f Fault) Error() string { return fmt.Sprintf("page %d, %s%s: %v", f.Page, f.Part, f.Keys, f.Err) }

// Unwrap returns the error without the page.
func (f Fault) Unwrap() error { return f.Err }

// MetaFault returns a fault of meta page id.
func MetaFault(id int, err error) Fault { return Fault{Page: uint64(id), Part: "meta page", Err: err} }

// FreelistFault returns a fault of the freelist of m.
func FreelistFault(m Meta, err error) Fault {
	return Fault{Page: m.Freelist, Part: "freelist", Err: err}
}

func errRange(id, end uint64) error {
	return fmt.Errorf("page %d is out of range: the file has %d pages", id, end)
}

func errOverflow(h Header) error {
	return fmt.Errorf("page has too many overflow pages: %d", h.Overflow)
}

// maxErrors is how many errors are kept: one page can be the cause of a million.
const maxErrors = 100

// Errors are the first errors that were found, and how many more there were.
type Errors struct {
	List []error
	More int
}

// Add adds an error.
func (e *Errors) Add(err error) {
	if len(e.List) == maxErrors {
		e.More++
		return
	}
	e.List = append(e.List, err)
}

// Join adds all of others.
func (e *Errors) Join(others Errors) {
	for _, err := range others.List {
		e.Add(err)
	}
	e.More += others.More
}

// None reports whether there are no errors.
func (e Errors) None() bool { return len(e.List) == 0 }
