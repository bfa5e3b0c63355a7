// Package sentinel makes error values that are kinds of others.
package sentinel

// Kind returns an error that wraps parent, with the text that fmt.Errorf("%w: text", parent) gives.
//
// In a package variable fmt.Errorf would run before main, and every container would wait for it:
// the first use of package fmt took 3 % of the processor time of an ADD.
func Kind(parent error, text string) error { return &kind{parent, text} }

type kind struct {
	parent error
	text   string
}

func (k *kind) Error() string { return k.parent.Error() + ": " + k.text }

func (k *kind) Unwrap() error { return k.parent }
