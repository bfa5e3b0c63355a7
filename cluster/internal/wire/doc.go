// Package wire gives the machines of a test a network of their own, which loses what the test says.
//
// A machine is a network namespace and a mount namespace with a /run of its own, so that programs run
// on several machines as if each were the only one. Its network interface is a TUN device, and the test
// itself is the switch: it reads each packet that a machine sends, and then drops it, holds it back or
// passes it on, by the [Condition] of the way from one machine to another. The two directions are two
// ways, so that a machine can be heard and be deaf.
//
// The kernel's own means were not chosen, because they are not on every machine that runs the tests:
// netem, which delays and loses packets, is a module that many kernels are built without, and nft and
// iptables are programs that are often not installed. A relay for each TCP connection would need nothing
// of the kind, but it would acknowledge what never arrives, and could lose no SYN and no ACK.
//
// Nothing is visible outside: the namespaces have no names, and end with the test, even if that is
// killed. It needs root on Linux, /dev/net/tun and the program nsenter.
package wire
