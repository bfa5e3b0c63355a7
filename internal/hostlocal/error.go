package hostlocal

// Error codes of the CNI SPEC, section 5, "Error".
const (
	codeIncompatibleVersion uint = 1
	codeEnvironment         uint = 4
	codeIO                  uint = 5
	codeDecoding            uint = 6
	CodeConfig              uint = 7
	CodeTryAgain            uint = 11
	codeNotAvailable        uint = 50
	codeInternal            uint = 999
)

// An answer is the error that the plugin writes: the type of the CNI library, without what the
// library would link into the plugin.
type answer struct {
	Code    uint   `json:"code"`
	Msg     string `json:"msg"`
	Details string `json:"details,omitempty"`
}

// Error returns the message and the details.
func (a *answer) Error() string {
	if a.Details == "" {
		return a.Msg
	}
	return a.Msg + "; " + a.Details
}
