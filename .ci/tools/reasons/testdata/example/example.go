// Package example drops errors with and without a reason.
package example

import (
	"bufio"
	"fmt"
	"io"
	"unsafe"
)

func drop(explained, unexplained io.Closer, w *bufio.Writer) {
	explained.Close() // Nothing was written.
	unexplained.Close()

	_ = explained.Close() // Nothing was written.

	_ = unexplained.Close()

	// One comment serves a run of lines.
	explained.Close()
	explained.Close()
	explained.Close()

	unexplained.Close()

	// A comment above a function literal is not about what it does.
	defer func() {
		unexplained.Close()
	}()

	w.WriteString("Flush returns the error")
	fmt.Fprintln(w, "printed for people")

	func(unexplained *bufio.Writer) {
		unexplained.Flush()
	}(w)
}

func pointers(explained, unexplained *int32) uintptr {
	// The comment above a statement serves all its lines.
	fmt.Print(
		uintptr(unsafe.Pointer(explained)))

	fmt.Print(unsafe.Pointer(unexplained))

	return unsafe.Sizeof(*explained)
}
