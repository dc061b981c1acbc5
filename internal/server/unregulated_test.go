package server_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/server"
)

// A server without regulation says so when it starts: nobody may take its silence
// for a permission.
func TestAServerWithoutRegulationSaysSo(t *testing.T) {
	var log bytes.Buffer // written before start returns, read after
	s := &site{t: t, cfg: server.Config{Listen: "127.0.0.1:0", DataDir: t.TempDir(), Version: "test", SmallStore: true, Unregulated: true,
		Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now}}
	s.start()
	s.stop()
	if !strings.Contains(log.String(), "no regulation is checked") {
		t.Errorf("the log says\n%s", log.String())
	}
}
