package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"go.etcd.io/etcd/client/pkg/v3/logutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	// maxLine bounds one line of the child's output, in bytes; the rest of a
	// longer line is dropped.
	maxLine = 64 << 10
	// maxDump bounds what is kept of a goroutine dump, in bytes: enough for
	// the goroutine that panicked, which comes first.
	maxDump = 8 << 10
)

// noise lists warnings of etcd that are true of every embedded member and ask
// nothing of anybody.
var noise = map[string]bool{
	// We run neither.
	"Running http and grpc server on single port. This is not recommended for production.": true,
}

// quietCore is a zapcore.Core without the noise.
type quietCore struct{ zapcore.Core }

func (q quietCore) With(f []zapcore.Field) zapcore.Core { return quietCore{q.Core.With(f)} }

func (q quietCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if noise[e.Message] {
		return ce
	}
	return q.Core.Check(e, ce)
}

// newZap returns the logger handed to etcd: JSON lines on w. Fatal through it
// ends the process, as etcd means it to.
func newZap(w io.Writer, level zapcore.Level) *zap.Logger {
	enc := zapcore.NewJSONEncoder(logutil.DefaultZapLoggerConfig.EncoderConfig)
	core := zapcore.NewCore(enc, zapcore.Lock(zapcore.AddSync(w)), level)
	return zap.New(quietCore{core})
}

// zapLevel is how much etcd should say for l: warnings and worse, or its
// informational lines too if somebody debugs. Never etcd's debug level, with
// which it would switch profiling endpoints on.
func zapLevel(l *slog.Logger) zapcore.Level {
	if l.Enabled(context.Background(), slog.LevelDebug) {
		return zapcore.InfoLevel
	}
	return zapcore.WarnLevel
}

// lineLogger is an io.Writer that takes etcd's output, line by line, to slog,
// and remembers what would explain an exit. Safe for concurrent use.
type lineLogger struct {
	to *slog.Logger

	mu      sync.Mutex
	partial []byte // of the line being received, at most maxLine
	cause   string // the line that best explains an exit, or ""
	rank    int    // of cause: 3 fatal or panic, 2 error, 1 unstructured
	dump    []byte // the first unstructured lines, from a panic on if one came
}

func newLineLogger(to *slog.Logger) *lineLogger {
	return &lineLogger{to: to.With("component", "etcd")}
}

// Write never fails: losing a log line must not end the child.
func (l *lineLogger) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for {
		line, rest, found := bytes.Cut(p, []byte{'\n'})
		l.partial = append(l.partial, line[:min(len(line), maxLine-len(l.partial))]...)
		if !found {
			return n, nil
		}
		l.line(l.partial)
		l.partial = l.partial[:0]
		p = rest
	}
}

// explain returns the line that best explains why the process ended, and what
// it printed besides etcd's log; both may be "". Call it when nothing more will
// be written.
func (l *lineLogger) explain() (cause, dump string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line(l.partial)
	l.partial = l.partial[:0]
	return l.cause, string(l.dump)
}

// line takes one whole line. l.mu is held.
func (l *lineLogger) line(b []byte) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return
	}
	var fields map[string]any
	if b[0] == '{' && json.Unmarshal(b, &fields) == nil {
		l.structured(fields)
		return
	}
	l.raw(string(b))
}

// structured takes a line of etcd's own logger.
func (l *lineLogger) structured(fields map[string]any) {
	level, _ := fields["level"].(string)
	msg, _ := fields["msg"].(string)
	for _, k := range []string{"level", "msg", "ts", "caller", "stacktrace", "errorVerbose"} {
		delete(fields, k)
	}
	to, rank := slog.LevelWarn, 0
	switch level {
	case "debug", "info":
		to, rank = slog.LevelDebug, 0
	case "error":
		to, rank = slog.LevelError, 2
	case "fatal", "panic", "dpanic":
		to, rank = slog.LevelError, 3
	}
	cause := msg
	if e, ok := fields["error"].(string); ok {
		cause += ": " + e
	}
	l.remember(rank, cause)
	l.to.LogAttrs(context.Background(), to, msg, attrs(fields)...)
}

// raw takes a line that is not etcd's: what the Go runtime prints when a
// process dies, and the goroutine dump after it.
func (l *lineLogger) raw(s string) {
	if strings.HasPrefix(s, "panic:") || strings.HasPrefix(s, "fatal error:") {
		if l.rank < 3 {
			l.dump = l.dump[:0]
		}
		l.remember(3, s)
	}
	l.remember(1, s)
	l.to.Debug(s)
	if len(l.dump)+len(s) < maxDump {
		l.dump = append(append(l.dump, s...), '\n')
	}
}

// remember keeps a line of the highest rank: of errors the last, of fatal and
// unstructured lines the first, since what follows those is consequence.
func (l *lineLogger) remember(rank int, s string) {
	if rank > l.rank || rank == l.rank && rank == 2 {
		l.rank, l.cause = rank, s
	}
}

func attrs(fields map[string]any) []slog.Attr {
	out := make([]slog.Attr, 0, len(fields))
	for k, v := range fields {
		out = append(out, slog.Any(k, v))
	}
	slices.SortFunc(out, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
	return out
}
