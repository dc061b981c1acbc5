package gate_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// What is veiled stands in the store and not in the record, which holds enough to
// tell whether it is the same.
func TestTheRecordHoldsOnlyDigestsOfWhatIsVeiled(t *testing.T) {
	store := kvtest.New(t)
	g := newGate(store, gate.Unregulated{})
	c := change(lead, identity.Answer, "co")
	c.Veiled = []string{"test/switches/co/"}
	if _, err := g.Submit(context.Background(), c, func(tx *kv.Tx, c gate.Change) error {
		if err := kv.Put(tx, switches.Key("hi", "video_visit"), switchState{On: true}); err != nil {
			return err
		}
		return turn(true)(tx, c)
	}); err != nil {
		t.Fatal(err)
	}
	entries := record(t, store)
	if len(entries) != 1 || len(entries[0].Edits) != 2 {
		t.Fatalf("the record holds %+v", entries)
	}
	for _, e := range entries[0].Edits {
		value := string(e.After)
		if !strings.Contains(e.Path, "/co/") {
			if strings.Contains(value, "sha256") {
				t.Errorf("%s is veiled too: %s", e.Path, value)
			}
			continue
		}
		raw, err := json.Marshal(switchState{On: true})
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(raw)
		if want := `{"sha256":"` + hex.EncodeToString(sum[:]) + `"}`; value != want || e.Before != nil {
			t.Errorf("%s holds %s, want %s", e.Path, value, want)
		}
	}
}

func TestAKeyMadeAtATimeIsAccepted(t *testing.T) {
	at := time.Now().Add(-time.Hour)
	id, err := gate.NewKey(at)
	if err != nil {
		t.Fatal(err)
	}
	other, err := gate.NewKey(at)
	if err != nil || other == id {
		t.Errorf("two keys of one moment: %s, %s (%v)", id, other, err)
	}
	c := change(lead, identity.Answer, "co")
	c.ID = id
	if r, err := newGate(kvtest.New(t), gate.Unregulated{}).Submit(context.Background(), c, turn(true)); err != nil || r.ID != id {
		t.Errorf("%+v, %v", r, err)
	}
	if c.ID, err = gate.NewKey(at.Add(-gate.KeyLife)); err != nil {
		t.Fatal(err)
	}
	if _, err := newGate(kvtest.New(t), gate.Unregulated{}).Submit(context.Background(), c, turn(true)); err == nil {
		t.Error("a key made longer ago than a key lives was accepted")
	}
}
