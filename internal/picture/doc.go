// Package picture draws the addresses of a range, and which of them are leased, for
// a terminal and as SVG.
//
// A [Picture] is given the leases one by one and then draws a grid of at most 64 by 32
// cells, in reading order. A cell is one address or, in larger ranges, a power of two of
// them: 32 in a /16, 8,192 in a /8. Without colours, [Picture.Terminal] writes a character
// for each cell:
//
//	podnet, 10.88.0.0/28: 4 of 13 addresses leased; one to a cell
//	10.88.0.0  x█o··?···█····
//	· 9 free  █ 2 leased  o 1 leased in an earlier boot  ? 1 torn  x 1 withheld
//
// Withheld addresses cannot be leased: the gateway and excluded addresses. A torn lease is
// one whose owner is unknown because of a crash. A cell of many addresses looks like most
// of its leases.
//
// If all leases would be in one cell of many addresses, as in nearly every IPv6 network,
// the picture shows the part of the range with the leases, and says so.
//
// # Caveats
//
// A Picture keeps counts instead of leases, so that a million of them need no memory. It
// knows the owner of an address only while the leases are in few enough cells of one
// address.
package picture
