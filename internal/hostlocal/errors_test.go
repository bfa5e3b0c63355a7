package hostlocal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// Every error that an operator can do something about names the next step.
func TestNextSteps(t *testing.T) {
	for want, err := range map[string]error{
		"run: leasehold map net":            &allocator.RequestError{},
		"run: leasehold list net":           &allocator.MissingError{},
		"ulimit -n":                         &fs.PathError{Op: "open", Path: "/x", Err: syscall.EMFILE},
		"fs.file-max":                       &fs.PathError{Op: "open", Path: "/x", Err: syscall.ENFILE},
		"a shorter name":                    &fs.PathError{Op: "open", Path: "/x", Err: syscall.ENAMETOOLONG},
		"read the standard output":          fmt.Errorf("%w: %w", errUndelivered, syscall.ENOSPC),
		"the logs of SELinux or AppArmor":   &fs.PathError{Op: "open", Path: "/x", Err: syscall.EACCES},
		"look at that file":                 &os.LinkError{Op: "link", Old: "/x", New: "/y", Err: syscall.EXDEV},
		"the kernel log says why":           &fs.PathError{Op: "read", Path: "/x", Err: syscall.EIO},
		"the file server has lost the file": &fs.PathError{Op: "read", Path: "/x", Err: syscall.ESTALE},
	} {
		_, details := Explain(err, "net")
		require.Contains(t, details, want, err)
	}
	undone := errors.Join(fmt.Errorf("%w: %w", errUndelivered, syscall.EPIPE), backend.ErrDamaged)
	code, _ := Explain(undone, "net")
	require.EqualValues(t, CodeDamaged, code, "what keeps a lease from being taken back is more important")
	code, details := Explain(errors.New("of no kind"), "net")
	require.EqualValues(t, codeInternal, code)
	require.Empty(t, details)
}
