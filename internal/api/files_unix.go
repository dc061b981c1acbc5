//go:build unix

package api

import "syscall"

// openFiles is how many files this process may have open; 0 if that is unknown.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(uint64(limit.Cur), 1<<30)) //nolint:unconvert // its type differs between systems
}
