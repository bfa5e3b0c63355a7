package contest

// syncAll does nothing: Windows has no call that flushes every volume.
func syncAll() {}
