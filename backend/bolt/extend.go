package bolt

import "os"

// extend makes a file longer, by writing zeros behind its end: what is only
// allocated would make the first sync of each new page dearer by half.
func extend(f *os.File, size int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	zeros := make([]byte, min(max(size-info.Size(), 0), 1<<20))
	for at := info.Size(); at < size; {
		n, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at)
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}
