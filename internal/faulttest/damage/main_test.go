package damage

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"runtime/debug"
	"testing"
	"time"

	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/migrate"
	"github.com/leasehold/leasehold/internal/stores"
)

// asWorker is the variable that makes of the test program a worker.
const asWorker = "LEASEHOLD_DAMAGE_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(asWorker) != "" {
		work()
		return
	}
	os.Exit(faulttest.Main(m))
}

// An order is what a worker is to do with a network: a command of the plugin, or one of
// those below.
type order struct {
	Net     faulttest.Network
	Command string
	ID      string
	More    map[string]any
}

const (
	verify      = "verify"
	repair      = "repair"
	repairAll   = "repair, whatever is lost"
	holding     = "holding"
	lockTimeout = 5 * time.Second
)

// An answer is what has become of an order.
type answer struct {
	Out     []byte
	Code    uint   // of a CNI error
	Err     string // empty: it went well
	Holding faulttest.Holding
	Loss    bool // nothing was repaired, because it is not known what is lost
}

// work does what the parent orders until it hangs up. Much less than a gigabyte of stack
// is a sign already that there is no end.
func work() {
	debug.SetMaxStack(64 << 20)
	in, out := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	for {
		var o order
		if in.Decode(&o) != nil {
			return
		}
		if out.Encode(o.carryOut()) != nil {
			return
		}
	}
}

func (o order) carryOut() (a answer) {
	ctx := context.Background()
	var err error
	switch o.Command {
	case verify:
		err = stores.Verify(ctx, o.Net.Path())
	case repair, repairAll:
		_, err = migrate.Repair(ctx, o.Net.Path(), migrate.RepairOptions{
			AcceptLoss: o.Command == repairAll, LockTimeout: lockTimeout, Now: time.Now(),
		})
		a.Loss = errors.Is(err, migrate.ErrLoss)
	case holding:
		a.Holding, err = o.Net.Holding(ctx)
	default:
		a.Out, err = o.Net.Plugin(o.Command, o.ID, o.More)
		a.Code = faulttest.Code(err)
	}
	if err != nil {
		a.Err = err.Error()
	}
	return a
}
