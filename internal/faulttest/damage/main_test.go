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

// workerEnv is set in the environment of a worker.
const workerEnv = "LEASEHOLD_DAMAGE_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(workerEnv) != "" {
		work()
		return
	}
	os.Exit(faulttest.Main(m))
}

// A request tells the worker which command to perform on a network: one of the plugin, or
// one of the constants below.
type request struct {
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

// An answer is the result of a request.
type answer struct {
	Out     []byte
	Code    uint   // of a CNI error
	Err     string // "" on success
	Holding faulttest.Holding
	Loss    bool // the repair was refused, because leases may be lost
}

// work performs requests from the parent until it closes the pipe. A stack of 64 MiB
// already means endless recursion.
func work() {
	debug.SetMaxStack(64 << 20)
	in, out := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	for {
		var o request
		if in.Decode(&o) != nil {
			return
		}
		if out.Encode(o.perform()) != nil {
			return
		}
	}
}

func (o request) perform() (a answer) {
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
