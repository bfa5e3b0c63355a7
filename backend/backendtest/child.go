package backendtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// roleEnv is the environment variable with the role of a child process. It is empty in the
// process that runs the tests.
const roleEnv = "LEASEHOLD_BACKENDTEST_ROLE"

// Main runs the tests of a package instead of testing.M.Run. In a child process that Run
// has started it runs the child's part.
func Main(m *testing.M, open Open) {
	role := os.Getenv(roleEnv)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := play(role, open, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintf(os.Stderr, "%s %s: %v\n", role, os.Args[2], err)
		os.Exit(1)
	}
	os.Exit(0)
}

// play waits for the parent, opens the store at path and plays role until it is done or
// killed. Name identifies the child among others of the same role.
func play(role string, open Open, path, name string) error {
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return fmt.Errorf("wait for the parent: %w", err)
	}
	s, err := open(path)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	switch role {
	case "taker":
		err = take(ctx, s, name)
	case "churner":
		err = churn(ctx, s, name)
	case "holder":
		err = holdForever(ctx, s)
	default:
		err = errors.New("unknown role")
	}
	return errors.Join(err, s.Close())
}

// share is the number of addresses of each family that a taker takes.
const share = 12

// take leases addresses of both families until it has its share.
func take(ctx context.Context, s backend.Store, name string) error {
	for i := range share {
		owner := backend.Owner{ContainerID: name, IfName: "eth" + strconv.Itoa(i)}
		err := s.Update(ctx, func(tx backend.Tx) error {
			return leaseNext(tx, owner, scarce4(), scarce6())
		})
		if err != nil {
			return fmt.Errorf("lease to %s: %w", owner, err)
		}
	}
	return nil
}

const takers = 4

// scarce4 and scarce6 have exactly as many addresses as all takers need.
func scarce4() span { return spanOf(consecutive(ip("10.0.0.240"), takers*share)) }
func scarce6() span { return spanOf(consecutive(ip("fd00::fff0"), takers*share)) }

func spanOf(run []netip.Addr) span { return span{run[0], run[len(run)-1]} }

// leaseNext leases the next free address of each range to o.
func leaseNext(tx backend.Tx, o backend.Owner, ranges ...span) error {
	for _, r := range ranges {
		addr, err := tx.NextFree(r.from, r.to)
		if err != nil {
			return err
		}
		if err := tx.Put(lease(addr, o)); err != nil {
			return err
		}
		if err := tx.SetCursor("0", addr); err != nil {
			return err
		}
	}
	return nil
}

// bundle is the number of leases that each transaction of a churner makes or removes.
const bundle = 4

// churn leases a bundle of addresses to one new owner after the other, and releases the
// bundles of earlier owners, until it is killed. It prints what it is about to do and what
// is done.
func churn(ctx context.Context, s backend.Store, name string) error {
	ample4, ample6 := span{ip("10.0.0.250"), ip("10.0.255.255")}, span{ip("fd00::fffa"), ip("fd00::ff:ffff")}
	id := func(i int) string { return name + "-" + strconv.Itoa(i) }
	const held = 3
	for i := 0; ctx.Err() == nil; i++ {
		err := s.Update(ctx, func(tx backend.Tx) error {
			return leaseNext(tx, backend.Owner{ContainerID: id(i), IfName: "eth0"}, ample4, ample6, ample4, ample6)
		})
		if err != nil {
			return err
		}
		fmt.Println("leased", id(i))
		if i < held {
			continue
		}
		fmt.Println("releasing", id(i-held))
		err = s.Update(ctx, func(tx backend.Tx) error {
			owned, err := tx.OwnedBy(backend.Owner{ContainerID: id(i - held)})
			return errors.Join(err, deleteEach(tx, owned))
		})
		if err != nil {
			return err
		}
		fmt.Println("released", id(i-held))
	}
	return ctx.Err()
}

// holdForever stays in a transaction with writes.
func holdForever(ctx context.Context, s backend.Store) error {
	return s.Update(ctx, func(tx backend.Tx) error {
		if err := errors.Join(deleteAll(tx), putAll(tx, leased("10.0.0.2", "10.0.0.3"))); err != nil {
			return err
		}
		fmt.Println("holding")
		time.Sleep(patience)
		return errors.New("was not killed")
	})
}
