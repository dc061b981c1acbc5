package governance

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/fault"
)

func newKey(t testing.TB) SealKey {
	t.Helper()
	key, err := NewSealKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func opening(t testing.TB, key SealKey, hash string, length int) Opening {
	t.Helper()
	public, err := key.publicKey(hash)
	if err != nil {
		t.Fatal(err)
	}
	return Opening{Hash: hash, PublicKey: public, SealKey: key.Fingerprint(), Length: length}
}

// anyPaper draws a ballot paper, and a vote that fits it.
func anyPaper(t *rapid.T) (Paper, Vote) {
	p := Paper{Form: rapid.SampledFrom([]Form{YesNo, Approval, Ranking, Points, Ratings}).Draw(t, "form"), MaxPoints: 9}
	n := rapid.IntRange(1, 12).Draw(t, "alternatives")
	for i := range n {
		p.Alternatives = append(p.Alternatives, tally.Alternative{Key: rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "key") + string(rune('a'+i))})
	}
	var some []string
	for _, a := range p.Alternatives {
		if rapid.Bool().Draw(t, "marked") {
			some = append(some, a.Key)
		}
	}
	v := Vote{}
	switch p.Form {
	case YesNo:
		v.Vote = rapid.SampledFrom([]tally.Vote{tally.Yes, tally.No, tally.Abstain}).Draw(t, "vote")
	case Approval:
		v.Approves = some
	case Ranking:
		for len(some) > 0 {
			k := rapid.IntRange(1, len(some)).Draw(t, "tier")
			v.Ranks, some = append(v.Ranks, some[:k]), some[k:]
		}
	default:
		for _, k := range some {
			if v.Points == nil {
				v.Points = map[string]int64{}
			}
			v.Points[k] = rapid.Int64Range(1, 9).Draw(t, "points")
		}
	}
	return p, v
}

// Every vote that fits a paper is sealed to the same length as any other on it, and
// comes back as it was.
func TestEveryVoteOfAPaperIsOfOneLength(t *testing.T) {
	key := newKey(t)
	rapid.Check(t, func(t *rapid.T) {
		p, v := anyPaper(t)
		if err := p.check(v); err != nil {
			t.Fatalf("%+v on %+v: %v", v, p, err)
		}
		public, err := key.publicKey("paper")
		if err != nil {
			t.Fatal(err)
		}
		o := Opening{Hash: "paper", PublicKey: public, SealKey: key.Fingerprint(), Length: p.ballotLength()}
		var sealed [2]string
		for i, vote := range []Vote{v, {}} {
			plain, err := plaintext(vote, key.salt("paper", "co", "change"), o.Length)
			if err != nil {
				t.Fatal(err)
			}
			if sealed[i], err = seal(o, "co", plain); err != nil {
				t.Fatal(err)
			}
			back, salt, err := key.unseal(o, Ballot{Seat: "co", Commitment: commitment("paper", "co", plain), Sealed: sealed[i]})
			if err != nil {
				t.Fatal(err)
			}
			want, _ := json.Marshal(vote)
			got, _ := json.Marshal(back)
			if !bytes.Equal(want, got) || !bytes.Equal(salt, key.salt("paper", "co", "change")) {
				t.Fatalf("%s came back as %s", want, got)
			}
		}
		if len(sealed[0]) != len(sealed[1]) {
			t.Fatalf("lengths %d and %d", len(sealed[0]), len(sealed[1]))
		}
	})
}

// A ballot opens with the host's key, for its own paper and seat, as it was sealed;
// and with nothing else.
func TestASealedBallotOpensOnlyAsItWasSealed(t *testing.T) {
	key, other := newKey(t), newKey(t)
	o := opening(t, key, "paper", 30)
	plain, err := plaintext(Vote{Vote: tally.Yes}, key.salt("paper", "co", "c"), 30)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := seal(o, "co", plain)
	if err != nil {
		t.Fatal(err)
	}
	good := Ballot{Seat: "co", Commitment: commitment("paper", "co", plain), Sealed: sealed}
	flipped := []byte(sealed)
	flipped[len(flipped)/2] ^= 1
	second, err := plaintext(Vote{Vote: tally.No}, key.salt("paper", "co", "c"), 30)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what   string
		key    SealKey
		change func(*Opening, *Ballot)
		opens  bool
	}{
		{"as it was", key, func(*Opening, *Ballot) {}, true},
		{"with another key", other, func(*Opening, *Ballot) {}, false},
		{"as another seat's", key, func(_ *Opening, b *Ballot) { b.Seat = "hi" }, false},
		{"on another paper", key, func(o *Opening, _ *Ballot) { o.Hash = "other" }, false},
		{"with a bit flipped", key, func(_ *Opening, b *Ballot) { b.Sealed = string(flipped) }, false},
		{"cut short", key, func(_ *Opening, b *Ballot) { b.Sealed = sealed[:40] }, false},
		{"empty", key, func(_ *Opening, b *Ballot) { b.Sealed = "" }, false},
		{"under a commitment to another vote", key, func(_ *Opening, b *Ballot) { b.Commitment = commitment("paper", "co", second) }, false},
	} {
		opened, ballot := o, good
		c.change(&opened, &ballot)
		if _, _, err := c.key.unseal(opened, ballot); (err == nil) != c.opens {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	if err := other.check(o); !fault.HasCode(err, "other_seal_key") {
		t.Errorf("a replica with another key: %v", err)
	}
}

// A commitment tells nothing to who has not the salt, and everything to who has.
func TestAReceiptIsForOneVote(t *testing.T) {
	key := newKey(t)
	salt := key.salt("paper", "co", "c")
	plain, err := plaintext(Vote{Vote: tally.Yes}, salt, 30)
	if err != nil {
		t.Fatal(err)
	}
	r := Receipt{Seat: "co", Paper: "paper", Commitment: commitment("paper", "co", plain), Salt: hex.EncodeToString(salt), Length: 30}
	if !r.Confirms(Vote{Vote: tally.Yes}) {
		t.Error("the receipt does not confirm its vote")
	}
	for _, wrong := range []func(*Receipt){
		func(r *Receipt) { r.Seat = "hi" }, func(r *Receipt) { r.Paper = "other" }, func(r *Receipt) { r.Salt = hex.EncodeToString(make([]byte, 32)) },
		func(r *Receipt) { r.Salt = "x" }, func(r *Receipt) { r.Length = 5 }, func(r *Receipt) { r.Length = 31 },
	} {
		bad := r
		wrong(&bad)
		if bad.Confirms(Vote{Vote: tally.Yes}) {
			t.Errorf("%+v confirms", bad)
		}
	}
	if r.Confirms(Vote{Vote: tally.No}) || bytes.Equal(salt, key.salt("paper", "co", "d")) || bytes.Equal(salt, key.salt("paper", "hi", "c")) {
		t.Error("another vote is confirmed, or two ballots share a salt")
	}
}

func TestTheSealKeyIsForItsOwnerAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data", SealKeyFile)
	key, err := LoadSealKey(file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadSealKey(file)
	if err != nil || again != key {
		t.Errorf("read again it is another: %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSealKey(file); !fault.HasCode(err, "open_seal_key") {
		t.Errorf("a key that all can read: %v", err)
	}
	if err := os.WriteFile(file, []byte("abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSealKey(file); !fault.HasCode(err, "bad_seal_key") {
		t.Errorf("a key cut short: %v", err)
	}
}

// What is not a vote on a paper is refused, and what is is taken.
func TestWhatIsNotAVoteOnThisPaper(t *testing.T) {
	three := []tally.Alternative{{Key: "x"}, {Key: "y"}, {Key: "z"}}
	for _, c := range []struct {
		what string
		form Form
		v    Vote
		ok   bool
	}{
		{"yes", YesNo, Vote{Vote: tally.Yes}, true},
		{"nothing", YesNo, Vote{}, false},
		{"maybe", YesNo, Vote{Vote: "maybe"}, false},
		{"object, where nobody asked for consent", YesNo, Vote{Vote: tally.Object}, false},
		{"yes and a list", YesNo, Vote{Vote: tally.Yes, Approves: []string{"x"}}, false},
		{"none of them", Approval, Vote{}, true},
		{"two of them", Approval, Vote{Approves: []string{"x", "z"}}, true},
		{"one twice", Approval, Vote{Approves: []string{"x", "x"}}, false},
		{"another", Approval, Vote{Approves: []string{"w"}}, false},
		{"yes, where projects are approved", Approval, Vote{Vote: tally.Yes}, false},
		{"a ranking with a tie", Ranking, Vote{Ranks: [][]string{{"x", "y"}, {"z"}}}, true},
		{"one ranked twice", Ranking, Vote{Ranks: [][]string{{"x"}, {"x"}}}, false},
		{"points", Points, Vote{Points: map[string]int64{"x": 0, "y": 10}}, true},
		{"too many points", Points, Vote{Points: map[string]int64{"x": 11}}, false},
		{"fewer than none", Points, Vote{Points: map[string]int64{"x": -1}}, false},
		{"a rating of 0", Ratings, Vote{Points: map[string]int64{"x": 0}}, false},
		{"ratings of some", Ratings, Vote{Points: map[string]int64{"x": 9}}, true},
	} {
		err := Paper{Form: c.form, Alternatives: three, MaxPoints: 10}.check(c.v)
		if (err == nil) != c.ok || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}
