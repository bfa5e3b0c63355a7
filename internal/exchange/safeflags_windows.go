package exchange

// Only administrators can make symbolic links on Windows.
const safeFlags = 0
