package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// ADDs release only leases of which they know that their boot has ended.
func TestLeasesOfEarlierBootsThatADDsRelease(t *testing.T) {
	for ended, want := range map[int]string{
		0: "gc releases them; no ADD does: the store does not know their boot\n",
		2: "gc releases them, and the next ADDs 2 of them; of the others the store does not know the boot\n",
		5: "gc releases them, and so do the next ADDs\n",
	} {
		var out bytes.Buffer
		tool := &tool{out: &out}
		tool.printLeaks(fullness{Leases: 9, BeforeBoot: 6, BeforeSameBoot: 1, releasing: true, endedByADD: ended})
		require.Contains(t, out.String(), "5 dated before this machine started: their containers are gone\n    "+want)
	}
}
