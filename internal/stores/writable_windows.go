package stores

import "os"

// checkWritable only checks whether path exists: on Windows, only trying shows whether a
// process may write there.
func checkWritable(path string) error {
	_, err := os.Stat(path)
	return err
}
