package sandbox

import (
	"errors"
	"runtime/debug"
	"syscall"
)

// confine sets the kernel's limits for this process and all it could start.
func confine() error {
	debug.SetMemoryLimit(memory * 3 / 4) // collect rather than die
	limit := func(resource int, n uint64) error {
		return syscall.Setrlimit(resource, &syscall.Rlimit{Cur: n, Max: n})
	}
	return errors.Join(
		limit(syscall.RLIMIT_CPU, cpuTime),
		limit(syscall.RLIMIT_DATA, memory),
		limit(syscall.RLIMIT_NOFILE, openFiles),
		limit(syscall.RLIMIT_FSIZE, 0),
		limit(syscall.RLIMIT_CORE, 0),
		syscall.Setpriority(syscall.PRIO_PROCESS, 0, 19),
	)
}
