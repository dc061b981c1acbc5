package access

import (
	"cmp"
	"context"
	"crypto/subtle"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

// Service issues and revokes tokens. It is safe for concurrent use. Make it with
// NewService.
type Service struct {
	gate    *gate.Gate
	records records
	known   func(region string) bool
	now     func() time.Time
}

// Issue makes a token and returns the bearer string, qrt_…, which cannot be had
// again. Only whoever holds identity.IssueToken may; see identity.Can.
//
// Errors: those of gate.Submit; Invalid with the field for a request that makes
// no sense; token_already_issued (Conflict) if this request was applied before
// under the same key; outcome_unknown if the token was issued but this replica
// cannot tell whether the secret it made is the one that counts.
func (s *Service) Issue(ctx context.Context, o gate.Origin, req TokenRequest) (string, Token, gate.Receipt, error) {
	secret := newSecret()
	t := Token{ID: newID(o.Key), Hash: hashOf(secret), Name: req.Name, Grants: req.Grants, Verbs: req.Verbs,
		Expires: req.Expires.UTC().Truncate(time.Second)}
	receipt, err := s.gate.Submit(ctx, o.Change(identity.IssueToken, target(t.ID), req), createRule(&t, func(now time.Time) error {
		if err := checkReason(o.Reason); err != nil {
			return err
		}
		if err := req.within(o.Actor); err != nil {
			return err
		}
		return req.check(now, s.known)
	}))
	if err == nil && receipt.Replayed {
		t, err = s.ownToken(ctx, t, receipt)
	}
	if err != nil {
		return "", Token{}, receipt, err
	}
	return bearer(t.ID, secret), t, receipt, nil
}

// ownToken reads the token back and makes sure that the secret of this call is
// the one that was stored. A replayed receipt does not tell: either an earlier
// request did the work, or an earlier try of this one whose answer was lost.
func (s *Service) ownToken(ctx context.Context, t Token, receipt gate.Receipt) (Token, error) {
	if w := receipt.Pending; w != nil && w.State.Open() { // what waits does not tell whose secret it holds
		return Token{}, fault.New(fault.Conflict, "token_waits", "the token %s waits for sign-off as change %s, and its secret was shown when it was asked for", t.ID, w.Change).
			Do("if the secret is lost, take the change back with `quorate change withdraw %s` and ask for another token", w.Change)
	}
	stored, err := s.records.get(ctx, t.ID)
	if err != nil {
		return Token{}, fault.New(fault.OutcomeUnknown, "outcome_unknown", "the token %s was issued, but the store cannot be asked whether its secret is the one made here", t.ID).
			Do("revoke the token %s and issue another with a new idempotency key", t.ID).Because(err).See("/api/v1/outcomes/" + receipt.ID)
	}
	if subtle.ConstantTimeCompare([]byte(stored.Hash), []byte(t.Hash)) == 1 {
		return stored, nil
	}
	return Token{}, fault.New(fault.Conflict, "token_already_issued", "the token %s was issued at %s by this same request, and its secret was shown then",
		t.ID, receipt.At.Format(time.RFC3339)).
		Do("if the secret is lost, revoke the token %s and issue another with a new idempotency key", t.ID)
}

// Revoke makes a token useless, on each replica as soon as it hears of it. A
// token that is revoked already stays as it is.
func (s *Service) Revoke(ctx context.Context, o gate.Origin, id string) (Token, gate.Receipt, error) {
	if strings.HasPrefix(id, scheme) { // it may hold a secret, which must not be repeated
		return Token{}, gate.Receipt{}, fault.New(fault.Invalid, "not_a_token_id", "what was given is a token, not the id of one").
			Do("give the part between the first two underscores").At("id")
	}
	if !wellFormedID(id) {
		return Token{}, gate.Receipt{}, unknownID(id)
	}
	var t Token
	receipt, err := s.gate.Submit(ctx, o.Change(identity.RevokeToken, target(id), map[string]string{"id": id, "reason": o.Reason}), revokeRule(&t, o))
	if err != nil {
		return Token{}, receipt, err
	}
	return t, receipt, nil
}

func unknownID(id string) error {
	return fault.New(fault.NotFound, "unknown_token_id", "there is no token with the id %.40q", id).
		Do("list them with `quorate token list`").At("id")
}

// List is all tokens, revoked and expired ones included, the last issued first.
func (s *Service) List(ctx context.Context, who identity.Principal) ([]Token, error) {
	if err := identity.Can(who, identity.ReadTokens, identity.Target{Kind: "token"}); err != nil {
		return nil, err
	}
	all, err := s.records.all(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b Token) int {
		return cmp.Or(b.IssuedAt.Compare(a.IssuedAt), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

// BootstrapLife is how long the first token of a store lives.
const BootstrapLife = time.Hour

// Bootstrap writes a token that may issue others to file, readable by its owner
// alone, if no live token could. It reports whether it did. Of several replicas
// that start at once, one does.
func (s *Service) Bootstrap(ctx context.Context, file string) (written bool, err error) {
	all, err := s.records.all(ctx)
	if err != nil || anyMayIssue(all, s.now()) {
		return false, err
	}
	secret := newSecret()
	t := Token{ID: newID(""), Hash: hashOf(secret), Name: "operator, first token of this store",
		Grants: []identity.Grant{{Role: identity.Operator, Regions: []string{identity.Every}}}}
	// The file comes first: a file without its token is replaced at the next
	// start, a token without its file would lock everybody out for an hour.
	if err := renameio.WriteFile(file, []byte(bearer(t.ID, secret)+"\n"), 0o600); err != nil {
		return false, fault.New(fault.Internal, "bootstrap_file", "the first token cannot be written to %s", file).
			Do("make its directory writable for the server").Because(err)
	}
	o := gate.Origin{Actor: identity.Host(), Reason: "no live token could let anybody in"}
	receipt, err := s.gate.Submit(ctx, o.Change(identity.IssueToken, target(t.ID), map[string]string{"bootstrap": t.ID}), bootstrapRule(&t))
	switch {
	case fault.Is(err, fault.OutcomeUnknown):
		return true, err // the token in the file may well count
	case err != nil || receipt.Unchanged:
		return false, withRemoval(err, file)
	}
	return true, nil
}

// withRemoval takes away a file whose token was not issued.
func withRemoval(err error, file string) error {
	if rm := os.Remove(file); rm != nil && err == nil {
		return fmt.Errorf("removing an unused token: %w", rm)
	}
	return err
}

func anyMayIssue(all []Token, now time.Time) bool {
	return slices.ContainsFunc(all, func(t Token) bool { return t.MayIssue(now) })
}
