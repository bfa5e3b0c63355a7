package picture_test

import (
	"log"
	"net/netip"
	"os"

	"github.com/muesli/termenv"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/picture"
)

func Example() {
	r, err := allocator.NewRange(allocator.RangeSpec{Subnet: netip.MustParsePrefix("10.88.0.0/28")})
	if err != nil {
		log.Fatal(err)
	}
	p := picture.New("podnet", r, func(l backend.Lease) bool { return l.Boot != "b2" })
	for addr, l := range map[string]backend.Lease{
		"10.88.0.2":  {Owner: backend.Owner{ContainerID: "4f2d9c"}, Boot: "b2"},
		"10.88.0.3":  {Owner: backend.Owner{ContainerID: "0c1d2e"}, Boot: "b1"},
		"10.88.0.6":  {}, // torn
		"10.88.0.10": {Owner: backend.Owner{ContainerID: "7a8b9c"}, Boot: "b2"},
	} {
		l.Addr = netip.MustParseAddr(addr)
		p.Add(l)
	}
	if err := p.Terminal(os.Stdout, termenv.Ascii); err != nil {
		log.Fatal(err)
	}
	// Output:
	// podnet, 10.88.0.0/28: 4 of 13 addresses leased; one to a cell
	// 10.88.0.0  x█o··?···█····
	// · 9 free  █ 2 leased  o 1 leased in an earlier boot  ? 1 torn  x 1 withheld
}
