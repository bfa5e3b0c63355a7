package etcd

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/leasehold/leasehold/cluster"
)

// errNoRaft: the servers do not say how long their log is.
var errNoRaft = errors.New("it has no index of a raft log, so it is not etcd: " +
	"servers that only speak its protocol do not show when they were restored from a backup; use etcd 3.4 or later")

// errCertificate: the servers would reject the client's certificate, but often the connection ends
// before their reason has arrived.
var errCertificate = errors.New("the client certificate is not valid now")

// A statusDenied is the error of servers that tell their status to the role root only. Without it a restore
// does not show.
type statusDenied struct{ err error }

func (e statusDenied) Error() string {
	return message(e.err) + ": these servers tell their status to the role root only, as etcd 3.5.28 to 3.5.30 and 3.6.0 to 3.6.11 do"
}

// Unwrap returns what the servers have answered.
func (e statusDenied) Unwrap() error { return e.err }

// checkCertificates returns an error unless all client certificates are valid at that time.
func (c Config) checkCertificates(now time.Time) error {
	if c.TLS == nil {
		return nil
	}
	for _, chain := range c.TLS.Certificates {
		cert, err := x509.ParseCertificate(chain.Certificate[0])
		if err != nil {
			return err
		}
		if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
			return fmt.Errorf("%w: %s is valid from %s to %s; renew it, or set the clock", errCertificate, cert.Subject,
				cert.NotBefore.Format(time.RFC3339), cert.NotAfter.Format(time.RFC3339))
		}
	}
	return nil
}

// codeOf returns the code of an error of etcd's client.
func codeOf(err error) codes.Code {
	var e rpctypes.EtcdError
	switch {
	case errors.As(err, &e):
		return e.Code()
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return codes.Canceled
	}
	return status.Code(err)
}

// isRejection reports whether the servers have answered that they do not do what was asked for, and never
// will. That their space is exceeded they also say of a request that they have done: they check the space
// before they apply it, and answer afterwards.
func isRejection(err error) bool {
	known := rpctypes.Error(err) // Calls that do not go through the client's methods have raw ones.
	for _, passing := range []error{
		rpctypes.ErrGRPCAuthOldRevision, rpctypes.ErrGRPCNotLeader, rpctypes.ErrGRPCNotCapable,
		rpctypes.ErrGRPCNotSupportedForLearner, rpctypes.ErrGRPCClusterVersionUnavailable,
	} {
		if rpctypes.ErrorDesc(known) == rpctypes.ErrorDesc(passing) {
			return false
		}
	}
	switch codeOf(known) {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.FailedPrecondition,
		codes.OutOfRange, codes.NotFound, codes.AlreadyExists, codes.Unimplemented:
		return true
	}
	return errors.Is(err, errNoRaft) || errors.Is(err, errCertificate)
}

// isAnswer reports whether etcd itself has answered, rather than gRPC.
func isAnswer(err error) bool {
	if !errors.As(rpctypes.Error(err), new(rpctypes.EtcdError)) {
		return false
	}
	code := codeOf(err)
	return code != codes.DeadlineExceeded && code != codes.Canceled
}

// mayPass reports whether another member could answer. A caller that has given up says nothing about
// the member; one whose time is over does.
func mayPass(ctx context.Context, err error) bool {
	return !isRejection(err) && !errors.Is(ctx.Err(), context.Canceled)
}

// An unreached is the error of a member that was asked for nothing yet.
type unreached struct{ err error }

func (e unreached) Error() string { return "not reached: " + message(e.err) }

// Is reports whether target is [cluster.ErrUnknown]: to a caller it is the same, and can pass.
func (e unreached) Is(target error) bool { return target == cluster.ErrUnknown }

// Unwrap returns the error of the connection.
func (e unreached) Unwrap() error { return e.err }

// message returns the text of an error, without what gRPC puts before it.
func message(err error) string {
	if s, ok := status.FromError(err); ok {
		return s.Message()
	}
	return err.Error()
}

// An all is the errors of all members, in one line.
type all []error

func (e all) Error() string {
	texts := make([]string, len(e))
	for i, err := range e {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the errors.
func (e all) Unwrap() []error { return e }

// explain adds what the error means and the next step.
func (c Config) explain(err error) error {
	known := rpctypes.Error(err)
	switch {
	case errors.Is(known, rpctypes.ErrNoSpace):
		return notNow(known, "compact and defragment its keys, then disarm the alarm: etcdctl alarm disarm")
	case errors.Is(known, rpctypes.ErrCorrupt):
		return notNow(known, "the data of its members differ: replace the member that etcdctl alarm list names, then disarm the alarm")
	case errors.Is(known, rpctypes.ErrInvalidAuthToken) && c.Username != "":
		return notNow(known, "it has forgotten that this host has logged in")
	case isRejection(known):
		return c.rejected(known)
	case isAnswer(known):
		return notNow(known, "")
	}
	return unknown{known}
}

// notNow returns the error of servers that were reached.
func notNow(err error, advice string) error {
	if advice != "" {
		advice = ": " + advice
	}
	return fmt.Errorf("%w: %w: %w%s", cluster.ErrUnknown, cluster.ErrNotNow, err, advice)
}

// rejected returns the error of servers that do not do it as things are.
func (c Config) rejected(err error) error {
	const chapter = "; docs/many-hosts.md says more under Security"
	advice := ""
	switch {
	case errors.As(err, new(statusDenied)):
		advice = fmt.Sprintf(": upgrade them, or give %s that role: etcdctl user grant-role %s root",
			c.userText(), cmp.Or(c.user(), "USER")) + chapter
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		prefix := cmp.Or(c.Prefix, "PREFIX") + "/"
		advice = fmt.Sprintf(": %s needs a role that can read and write the keys below %s: "+
			"etcdctl role grant-permission ROLE --prefix=true readwrite %[2]s, and etcdctl user grant-role %[3]s ROLE",
			c.userText(), prefix, cmp.Or(c.user(), "USER")) + chapter
	case errors.Is(err, rpctypes.ErrAuthFailed):
		advice = fmt.Sprintf(": etcd does not know user %q with that password; check username and passwordFile", c.Username) + chapter
	case errors.Is(err, rpctypes.ErrUserEmpty), codeOf(err) == codes.Unauthenticated:
		advice = ": the servers require a user: name one with username and passwordFile, or use a client certificate whose common name is one" + chapter
	case errors.Is(err, rpctypes.ErrTooManyOps):
		advice = fmt.Sprintf(": start the servers with --max-txn-ops=%d or more", cluster.MaxOps)
	case errors.Is(err, rpctypes.ErrRequestTooLarge):
		advice = ": start the servers with the default of --max-request-bytes, or more"
	}
	return fmt.Errorf("%w: %w%s", cluster.ErrRejected, err, advice)
}

// user returns the name by which etcd knows this client; empty if it has none.
func (c Config) user() string {
	if c.Username != "" || c.TLS == nil {
		return c.Username
	}
	for _, chain := range c.TLS.Certificates {
		if cert, err := x509.ParseCertificate(chain.Certificate[0]); err == nil {
			return cert.Subject.CommonName
		}
	}
	return ""
}

func (c Config) userText() string {
	switch name := c.user(); {
	case name == "":
		return "this host"
	case c.Username != "":
		return fmt.Sprintf("user %q", name)
	default:
		return fmt.Sprintf("user %q, the common name of the certificate,", name)
	}
}

// An unknown is the error of a request that may have been done.
type unknown struct{ err error }

func (e unknown) Error() string { return cluster.ErrUnknown.Error() + ": " + message(e.err) }

// Unwrap returns [cluster.ErrUnknown] and the error of the call.
func (e unknown) Unwrap() []error { return []error{cluster.ErrUnknown, e.err} }
