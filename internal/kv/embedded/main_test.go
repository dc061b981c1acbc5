package embedded_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/quorate/quorate/internal/kv/embedded"
)

// parentArg makes the test binary a whole quorate in miniature: a process that
// starts the store in the directory given and lives until it is killed, or
// until its standard input ends.
const parentArg = "__parent"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case embedded.ChildArg:
			os.Exit(embedded.Main(os.Args[2:]))
		case parentArg:
			os.Exit(parent(os.Args[2]))
		}
	}
	// Under the race detector every process would sleep a second at its end.
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	goleak.VerifyTestMain(m)
}

// parent prints the child's pid once the store is ready.
func parent(dir string) int {
	s, err := embedded.Start(context.Background(), embedded.Config{Dir: dir, SmallWAL: true})
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println("pid:", s.Pid())
	io.Copy(io.Discard, os.Stdin)
	if err := s.Close(); err != nil {
		fmt.Println("error:", err)
		return 1
	}
	return 0
}
