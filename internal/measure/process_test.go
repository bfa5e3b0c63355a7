package measure_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/measure"
)

// TestMain is, in the processes that the tests start, the program that is run.
func TestMain(m *testing.M) {
	switch os.Getenv("ROLE") {
	case "":
		os.Exit(m.Run())
	case "echo":
		if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
			panic(err)
		}
	case "arguments":
		fmt.Print(os.Args[1:])
	case "sleep":
		time.Sleep(nap)
	case "fail":
		fmt.Fprintln(os.Stderr, "no such luck")
		os.Exit(3)
	}
	os.Exit(0)
}

const nap = 50 * time.Millisecond

func self(t *testing.T, role string) measure.Command {
	path, err := os.Executable()
	require.NoError(t, err)
	return measure.Command{Path: path, Env: []string{"ROLE=" + role}}
}

func TestDo(t *testing.T) {
	c := self(t, "echo")
	c.Stdin = []byte("to and fro")
	run, err := c.Do()
	require.NoError(t, err)
	require.Equal(t, "to and fro", run.Output)
	require.Positive(t, run.Took)
}

func TestDoPassesArguments(t *testing.T) {
	c := self(t, "arguments")
	c.Args = []string{"one", "two"}
	run, err := c.Do()
	require.NoError(t, err)
	require.Equal(t, "[one two]", run.Output)
}

func TestDoWaitsForTheEnd(t *testing.T) {
	run, err := self(t, "sleep").Do()
	require.NoError(t, err)
	require.GreaterOrEqual(t, run.Took, nap)
	require.Empty(t, run.Output)
}

func TestDoFails(t *testing.T) {
	_, err := self(t, "fail").Do()
	require.ErrorContains(t, err, "exit status 3 after ")
	require.ErrorContains(t, err, ": no such luck")

	_, err = measure.Command{Path: "/there/is/none"}.Do()
	require.ErrorIs(t, err, os.ErrNotExist)

	c := self(t, "echo")
	c.Fails = true
	_, err = c.Do()
	require.ErrorContains(t, err, "exit status 0 after ")

	c = self(t, "fail")
	c.Fails = true
	run, err := c.Do()
	require.NoError(t, err)
	require.Equal(t, "no such luck\n", run.Output)

	c = self(t, "echo")
	c.Stdin = bytes.Repeat([]byte("x"), 5000)
	_, err = c.Do()
	require.ErrorContains(t, err, "standard input of 5000 bytes")
}
