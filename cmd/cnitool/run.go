package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/containernetworking/cni/libcni"
	types100 "github.com/containernetworking/cni/pkg/types/100"
	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/shell"
)

// Exit statuses of run that do not come from the command, as in podman run.
const (
	statusNotRun      = 125
	statusNotExecuted = 126
	statusNoCommand   = 127
)

func (t *tool) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run NET -- COMMAND [ARG...]",
		Short: "Run a command in a new namespace on a network",
		Long: `Create a network namespace, attach it to a network and run a command in it. When
the command ends, for whatever reason, detach and remove the namespace. SIGINT,
SIGTERM, SIGHUP and SIGQUIT are passed on to the command. Needs root.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 || cmd.ArgsLenAtDash() != 1 {
				return cli.Usage(cmd)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			err := t.runInNamespace(cmd.Context(), args[0], args[1:])
			var f failure
			if err != nil && (!errors.As(err, &f) || f.status < statusNotRun && !errors.Is(err, errCommand)) {
				err = failure{err, statusNotRun}
			}
			return err
		},
	}
	t.attachmentFlags(cmd)
	return cmd
}

// errCommand is the error of a command that ran and failed. The command has printed why.
var errCommand = errors.New("the command failed")

// runInNamespace runs the command in a new namespace that is attached to the network.
func (t *tool) runInNamespace(ctx context.Context, name string, command []string) (err error) {
	n, err := t.readyNetwork(name)
	if err != nil {
		return err
	}
	ns, err := newNamespace()
	if err != nil {
		return err
	}
	defer ns.close()
	if t.containerID == "" {
		t.containerID = "cnitool-" + strings.ToLower(rand.Text()[:20])
	}
	rt, err := t.runtimeConf(ns.path())
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	// DEL is also needed after a failed ADD (CNI SPEC, section 4).
	defer func() { err = errors.Join(err, t.takeDown(ctx, n, rt)) }()
	if err := t.attach(ctx, n, rt, signals); err != nil {
		return err
	}
	return t.execute(ns, command, signals)
}

// attach performs ADD, which a signal cancels, and prints the addresses.
func (t *tool) attach(ctx context.Context, n network, rt *libcni.RuntimeConf, signals <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	added := make(chan struct{})
	defer close(added)
	go func() {
		select {
		case <-signals:
			cancel()
		case <-added:
		}
	}()
	result, err := t.cni().AddNetworkList(ctx, n.list, rt)
	if err != nil {
		return err
	}
	current, err := types100.NewResultFromResult(result)
	if err != nil {
		return err
	}
	for _, ip := range current.IPs {
		fmt.Fprintf(t.errs, "cnitool: %s: %s has %s\n", n.list.Name, rt.IfName, ip.Address.String())
	}
	return nil
}

// takeDown performs DEL. It tries three times, because a signal from the keyboard also
// reaches the plugin.
func (t *tool) takeDown(ctx context.Context, n network, rt *libcni.RuntimeConf) (err error) {
	for range 3 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		err = t.cni().DelNetworkList(ctx, n.list, rt)
		cancel()
		if err == nil {
			return nil
		}
	}
	return fmt.Errorf("%w\ndetails: to try again: cnitool del %s %s --container-id %s --ifname %s",
		err, shell.Quote(n.list.Name), os.DevNull, shell.Quote(rt.ContainerID), shell.Quote(rt.IfName))
}

// execute runs a command in a namespace and waits for it.
func (t *tool) execute(ns *namespace, command []string, signals <-chan os.Signal) error {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = t.in, cli.Stream(t.out), t.errs
	ended := make(chan error, 1)
	if err := ns.start(cmd, ended); err != nil {
		status := statusNotExecuted
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			status = statusNoCommand
		}
		return failure{err, status}
	}
	for {
		select {
		case s := <-signals:
			typed := (s == os.Interrupt || s == syscall.SIGQUIT) && cli.IsTerminal(t.in)
			if !typed { // A terminal sends it to the command as well.
				cmd.Process.Signal(s) // If it fails, the command has ended.
			}
		case err := <-ended:
			return exitError(err)
		}
	}
}

// exitError returns the error for the end of a command, with its exit status.
func exitError(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	status := exit.ExitCode()
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		status = 128 + int(ws.Signal()) // as in a shell
	}
	return failure{errCommand, status}
}
