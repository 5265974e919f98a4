package safefile

import "io/fs"

const noWait = 0 // there are no pipes among files

// names is how many names a file has: os does not tell.
func names(fs.FileInfo) uint64 { return 1 }
