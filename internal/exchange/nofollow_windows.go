package exchange

// Only administrators can make symbolic links on Windows.
const noFollow = 0
