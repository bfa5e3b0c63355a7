// Package picture draws the addresses of a range, and which of them are leased, for
// a terminal and as SVG.
//
// A [Picture] is told of the leases one by one and then draws a grid of at most
// 64 by 32 cells, in the order of reading. A cell is one address or, in larger
// ranges, a power of two of them: 32 in a /16, 8,192 in a /8. Without colours,
// [Picture.Terminal] writes a character for each cell:
//
//	podnet, 10.88.0.0/28: 4 of 13 addresses leased; one to a cell
//	10.88.0.0  x█o··?···█····
//	· 9 free  █ 2 leased  o 1 leased in an earlier boot  ? 1 torn  x 1 withheld
//
// Addresses that are withheld cannot be leased: the gateway, and what is excluded.
// A torn lease is one whose holder a crash has made unknown. In a cell of many
// addresses what most of its leases are decides how it looks.
//
// Where all leases would lie in one cell of many addresses, as they do in nearly
// every IPv6 network, the picture is of the part of the range in which they lie, and
// says so.
//
// # Caveats
//
// A Picture keeps counts and not leases, so that a million of them take no memory.
// Who holds an address is known to it only while the leases it has been told of lie
// in few enough cells of one address.
package picture
