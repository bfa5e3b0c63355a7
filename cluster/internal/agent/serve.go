package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/leasehold/leasehold/cluster/internal/host"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/hostlocal"
	"github.com/leasehold/leasehold/internal/neighbour"
)

// Limits of a conversation with the plugin.
const (
	maxRequest = 4 << 20 // bytes
	patience   = 5 * time.Second
)

// Listen returns the socket at path, which root alone can use. A socket that no agent listens on any
// more is replaced; if one does, Listen returns an error.
func Listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	c, err := net.DialTimeout("unix", path, patience)
	switch {
	case err == nil:
		return nil, errors.Join(fmt.Errorf("%s: another agent listens there; stop it first", path), c.Close())
	case errors.Is(err, syscall.ECONNREFUSED):
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	// Who may connect is decided before there is a socket: between bind and chmod others could. No other
	// goroutine runs yet.
	defer syscall.Umask(syscall.Umask(0o177))
	return net.Listen("unix", path)
}

// Runs reports whether an agent listens on the socket at path.
func Runs(path string) bool {
	c, err := net.DialTimeout("unix", path, patience)
	if err != nil {
		return false
	}
	_ = c.Close() // It was asked for nothing.
	return true
}

// Serve answers the plugin until ctx ends, and closes the socket.
func (a *Agent) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() }) // Accept says that it is closed.
	defer stop()
	var conversations sync.WaitGroup
	defer conversations.Wait()
	for {
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return errors.Join(err, l.Close())
		}
		conversations.Go(func() {
			defer c.Close() // The answer was written, or there is none.
			a.converse(ctx, c)
		})
	}
}

// converse answers one request. If that cannot be read, or no process waits for the answer any more,
// the plugin asks again or executes the program.
func (a *Agent) converse(ctx context.Context, c net.Conn) {
	if c.SetReadDeadline(time.Now().Add(patience)) != nil {
		return
	}
	line, err := bufio.NewReader(io.LimitReader(c, maxRequest)).ReadBytes('\n')
	if err != nil {
		return
	}
	var r neighbour.Request
	answer := host.Answer{Code: hostlocal.CodeConfig}
	if err := json.Unmarshal(line, &r); err != nil {
		answer.Msg = fmt.Sprintf("the agent cannot read the request: %v; are the plugin and the agent of one version?", err)
	} else {
		answer = a.answer(ctx, r)
	}
	if c.SetWriteDeadline(time.Now().Add(patience)) == nil {
		_ = json.NewEncoder(c).Encode(answer) // As the comment of the function says.
	}
}

// answer does what a request says.
func (a *Agent) answer(ctx context.Context, r neighbour.Request) host.Answer {
	a.remember(r.Config)
	name := r.Network
	if n, err := config.ParseNetwork(r.Config); err == nil {
		name += n.DataDirFlag()
	}
	err := a.with(r.Config, r.Args, func(h *host.Host) error {
		began := time.Now()
		defer func() { a.metrics.took(r.Command, time.Since(began)) }()
		switch r.Command {
		case neighbour.Claim:
			got, err := h.Claim(ctx)
			for _, b := range got {
				a.opts.Log.Info("got a block", "network", h.Network(), "block", b.String())
			}
			return err
		case neighbour.Attest:
			return h.Attest(ctx)
		}
		return fmt.Errorf("the agent does not know the command %q: are the plugin and the agent of one version?", r.Command)
	})
	a.metrics.asked(r.Command, err)
	if err != nil {
		return host.AnswerTo(err, name)
	}
	return host.Answer{}
}
