package everycall

import (
	"os"
	"testing"

	"github.com/leasehold/leasehold/internal/faulttest"
)

func TestMain(m *testing.M) { os.Exit(faulttest.MainWithMounts(m)) }
