package exchange

// Whoever may make a symbolic link on Windows is an administrator.
const noFollow = 0
