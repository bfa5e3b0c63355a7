//go:build !linux

package owner

// As calls create, which makes a file or directory. Who owns it is up to Give.
func (Owner) As(create func() error) error { return create() }
