package flags

import (
	"context"
	"testing"
	"time"

	"github.com/open-feature/flagd/core/pkg/evaluator"
	"github.com/open-feature/flagd/core/pkg/logger"
	"github.com/open-feature/flagd/core/pkg/store"
	"github.com/open-feature/flagd/core/pkg/sync"
	"go.uber.org/zap"
	"pgregory.net/rapid"
)

// The engine of flagd itself, which official providers run in their own process,
// answers our definitions as we do: the same variant on well-typed facts and
// where facts are missing, and never on where we are not.
func TestTheOfficialEngineAgrees(t *testing.T) {
	defer func(before time.Time) { caseEpoch = before }(caseEpoch)
	now := time.Now() // its clock cannot be set
	caseEpoch = now.Truncate(time.Hour).Add(-500 * 24 * time.Hour)
	rapid.Check(t, func(t *rapid.T) {
		w := drawCase(t)
		flag := w.compile(t).flags[0]
		official := officialEngine(t, flag.Key(), flag.Definition())
		for range 4 {
			ctx, typed := drawContext(t)
			ours := flag.Evaluate(ctx, now)
			value, variant, _, _, err := official.ResolveBooleanValue(context.Background(), "", flag.Key(), ctx)
			switch {
			case typed && (err != nil || variant != ours.Variant || value != (ours.Value == true)):
				t.Fatalf("%v: %v (%s, %v), ours %v (%s)\n%s", ctx, value, variant, err, ours.Value, ours.Variant, flag.Definition())
			case value && ours.Value != true:
				t.Fatalf("ill-typed %v: on, ours %v (%s)\n%s", ctx, ours.Value, ours.Variant, flag.Definition())
			}
		}
	})
}

func officialEngine(t *rapid.T, key string, definition []byte) *evaluator.JSON {
	log := logger.NewLogger(zap.NewNop(), false)
	flags, err := store.NewStore(log, []string{"quorate"})
	if err != nil {
		t.Fatal(err)
	}
	e := evaluator.NewJSON(log, flags)
	if err := e.SetState(sync.DataSync{FlagData: `{"flags":{"` + key + `":` + string(definition) + `}}`, Source: "quorate"}); err != nil {
		t.Fatal(err)
	}
	return e
}
