package boot_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/boot"
)

func TestCurrent(t *testing.T) {
	b := boot.Current()
	if runtime.GOOS != "linux" {
		require.Zero(t, b)
		return
	}
	require.Len(t, b.ID, len("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"))
	require.Equal(t, b.ID, boot.Current().ID)
	require.True(t, b.Started.Before(time.Now()))
	require.InDelta(t, 0, b.Started.Sub(boot.Current().Started).Seconds(), 1, "the boot time does not change")
}
