package stores

import "os"

// writable only tells whether path exists: whether one may write there is known
// on Windows only to who tries.
func writable(path string) error {
	_, err := os.Stat(path)
	return err
}
