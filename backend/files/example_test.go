package files_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/files"
)

// A program lists the leases in a directory of the stock plugin. The stock plugin writes a
// file for each address, with the container ID and the interface.
func Example() {
	dir, err := os.MkdirTemp("", "leases")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for addr, text := range map[string]string{"10.88.0.2": "b552f9\r\neth0", "10.88.0.3": "0c1d2e\r\neth0"} {
		if err := os.WriteFile(filepath.Join(dir, addr), []byte(text), 0o600); err != nil {
			log.Fatal(err)
		}
	}

	store := files.Open(dir)
	defer store.Close()
	err = store.View(context.Background(), func(tx backend.ReadTx) error {
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			fmt.Println(l.Addr, l.Owner)
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 10.88.0.2 b552f9 (eth0)
	// 10.88.0.3 0c1d2e (eth0)
}
