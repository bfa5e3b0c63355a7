package bench

import (
	"testing"
	"time"

	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/internal/measure"
)

// BenchmarkLeader kills the leader of the servers. It is the time until an ADD that must claim, by the
// helper, has succeeded that was begun later; and how long an ADD from a block in hand takes meanwhile,
// beside as many as before.
func BenchmarkLeader(b *testing.B) { leaderKilled(b, startEtcd(b), rounds(7), 100).report(b) }

func leaderKilled(tb testing.TB, servers []*etcdtest.Server, times, before int) result {
	tb.Helper()
	initSpace(tb, newEngine(tb, servers), network, 1, "10.0.0.0-10.255.255.255")
	claiming, local := newSharing(tb, servers...), newSharing(tb, servers...)
	local.give(1, capacity)
	claiming.mustAdd()
	var resumed, meanwhile, earlier []float64
	for range times {
		leader := etcdtest.Leader(tb, servers)
		var adds []float64
		for range before {
			adds = append(adds, local.mustAdd())
		}
		earlier, adds = append(earlier, measure.Median(adds)), nil
		killed, claimed := time.Now(), make(chan time.Duration, 1)
		leader.Kill()
		go func() {
			for {
				if _, err := claiming.add(); err == nil {
					claimed <- time.Since(killed)
					return
				}
			}
		}()
		for took := time.Duration(0); took == 0; {
			adds = append(adds, local.mustAdd())
			select {
			case took = <-claimed:
				resumed = append(resumed, float64(took))
			default:
			}
		}
		meanwhile = append(meanwhile, measure.Median(adds))
		leader.Start()
	}
	r := result{
		"resumed-ns": measure.Median(resumed), "resumed-worst-ns": measure.Quantile(resumed, 1),
		"ADD-ns": measure.Median(meanwhile), "before-ADD-ns": measure.Median(earlier),
	}
	r.ratio("ADD", meanwhile, earlier)
	return r
}
