package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/leasehold/leasehold/bench/compare/internal/container"
	"github.com/leasehold/leasehold/bench/compare/internal/process"
	"github.com/leasehold/leasehold/bench/compare/internal/program"
	"github.com/leasehold/leasehold/bench/compare/internal/store"
)

// A contestant is a program that is measured and, unless it does nothing, the
// store that it works on.
type contestant struct {
	name    string
	program program.Program
	store   *store.Store // nil for a program that does nothing
	empty   bool         // the store stays empty whatever the fill
}

// commands are what a contestant does in each turn, in this order.
var commands = [...]string{"ADD", "CHECK", "DEL"}

// A turn is how long each command took.
type turn [len(commands)]time.Duration

// turn runs each command once.
func (c *contestant) turn() (t turn, err error) {
	for i, command := range commands {
		if t[i], err = c.run(command); err != nil {
			return t, fmt.Errorf("%s of %s: %w", command, c.name, err)
		}
	}
	return t, nil
}

// run runs one command, for the container whose turn it is to come or to go.
func (c *contestant) run(command string) (time.Duration, error) {
	if c.store == nil {
		return c.execute(command, container.Network{}, 0, checkNothing)
	}
	newcomer, oldest := c.store.Newcomer(), c.store.Oldest()
	switch command {
	case "ADD":
		return c.execute(command, c.store.Network, newcomer, func(out string) error {
			c.store.Added()
			return checkResult(out, newcomer)
		})
	case "CHECK":
		return c.execute(command, c.store.Network, newcomer-1, checkNothing)
	default:
		return c.execute(command, c.store.Network, oldest, func(out string) error {
			c.store.Removed()
			return checkNothing(out)
		})
	}
}

// execute runs the program as a container runtime does, and checks what it
// answers.
func (c *contestant) execute(
	command string, n container.Network, of container.Container, check func(string) error,
) (time.Duration, error) {
	stdin, err := n.For(command, of)
	if err != nil {
		return 0, err
	}
	run, err := process.Command{Path: c.program.Path, Env: of.Env(command), Stdin: stdin}.Do()
	if err != nil {
		return 0, err
	}
	return run.Took, check(run.Output)
}

// checkNothing holds that the program answered nothing.
func checkNothing(output string) error {
	if output != "" {
		return fmt.Errorf("unexpected output: %s", output)
	}
	return nil
}

// checkResult holds that the output is the result of an ADD with the address of
// the container and no other.
func checkResult(output string, c container.Container) error {
	var result struct {
		IPs []struct {
			Address netip.Prefix `json:"address"`
		} `json:"ips"`
	}
	if err := json.Unmarshal([]byte(output), &result); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	want := container.Prefix(c)
	if len(result.IPs) != 1 || result.IPs[0].Address != want {
		return fmt.Errorf("want address %s, got: %s", want, output)
	}
	return nil
}
