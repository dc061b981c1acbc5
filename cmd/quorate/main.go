// Command quorate decides, regulates and serves the capabilities of a patient
// portal. Start with `quorate demo`, or with `quorate help`.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // regions have time zones, also where the system knows none

	"github.com/quorate/quorate/internal/kv/embedded"
	"github.com/quorate/quorate/policy/sandbox"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == embedded.ChildArg { // the store's own process, started by serve
		os.Exit(embedded.Main(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == sandbox.ChildArg { // looks at a bundle of rules, started by serve
		os.Exit(sandbox.Main())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Whoever asks again to stop, a second later, means at once.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	os.Exit(run(ctx, os.Args[1:], &cli{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.LookupEnv, now: time.Now,
	}))
}
