package etcd

import (
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

// isRejection reports whether the servers have answered that they do not do what was asked for. That
// their space is exceeded they also say of a request that they have done: they check the space before
// they apply it, and answer afterwards.
func isRejection(err error) bool {
	if errors.Is(rpctypes.Error(err), rpctypes.ErrNoSpace) {
		return false
	}
	switch codeOf(err) {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.FailedPrecondition,
		codes.ResourceExhausted, codes.OutOfRange, codes.NotFound, codes.AlreadyExists, codes.Unimplemented:
		return true
	}
	return errors.Is(err, errNoRaft) || errors.Is(err, errCertificate)
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
func explain(err error) error {
	known := rpctypes.Error(err) // Calls that do not go through the client's methods have raw ones.
	switch {
	case errors.Is(known, rpctypes.ErrNoSpace):
		return fmt.Errorf("%w: %w: compact and defragment its keys, then disarm the alarm: etcdctl alarm disarm", cluster.ErrUnknown, known)
	case errors.Is(known, rpctypes.ErrPermissionDenied):
		return fmt.Errorf("%w: grant the user, or the common name of the certificate, a role that can read and write "+
			"the keys of the spaces: etcdctl role grant-permission ROLE --prefix=true readwrite PREFIX/", known)
	case errors.Is(known, rpctypes.ErrAuthFailed):
		return fmt.Errorf("%w: check username and passwordFile", known)
	case errors.Is(known, rpctypes.ErrUserEmpty), errors.Is(known, rpctypes.ErrInvalidAuthToken):
		return fmt.Errorf("%w: the servers require a user: name one, or use a client certificate whose common name is one", known)
	case errors.Is(known, rpctypes.ErrTooManyOps):
		return fmt.Errorf("%w: start the servers with --max-txn-ops=%d or more", known, cluster.MaxOps)
	case isRejection(known):
		return known
	}
	return unknown{known}
}

// An unknown is the error of a request that may have been done.
type unknown struct{ err error }

func (e unknown) Error() string { return cluster.ErrUnknown.Error() + ": " + message(e.err) }

// Unwrap returns [cluster.ErrUnknown] and the error of the call.
func (e unknown) Unwrap() []error { return []error{cluster.ErrUnknown, e.err} }
