//go:build linux

package powercut

import (
	"os"
	"testing"

	"github.com/leasehold/leasehold/internal/faulttest"
)

func TestMain(m *testing.M) {
	if Child() {
		return
	}
	os.Exit(faulttest.Main(m))
}
