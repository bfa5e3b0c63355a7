package bolt

// noFollow is empty: where a store can stand, only administrators can make links.
const noFollow = 0
