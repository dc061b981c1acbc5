package policy

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// An EvidenceRequest puts a proof on file. The document itself stays where it is: we
// keep its hash.
type EvidenceRequest struct {
	ID                string `json:"id,omitempty" maxLength:"64" doc:"Left out, one is made."`
	Type              string `json:"type" maxLength:"128" doc:"A word of the law, such as vendor_baa; performs:KIND, which a service vouches for; readiness:WORD or local:WORD of a region."`
	Scope             string `json:"scope" maxLength:"64" doc:"Where it holds: * for the organization, a region, or a jurisdiction such as US-CO. What holds above holds below."`
	Capability        string `json:"capability,omitempty" maxLength:"128" doc:"For this capability alone; empty for every one."`
	CapabilityVersion string `json:"capability_version,omitempty" maxLength:"64" doc:"For this material version of it alone."`
	Service           string `json:"service,omitempty" maxLength:"128" doc:"The service that vouches for performs:KIND."`
	Issued            Day    `json:"issued,omitempty" maxLength:"10" doc:"First day on which it counts; today if left out."`
	Expires           Day    `json:"expires" maxLength:"10" doc:"First day on which it no longer counts."`
	URI               string `json:"uri,omitempty" maxLength:"500" doc:"Where the document is kept; never a secret."`
	Hash              string `json:"hash,omitempty" maxLength:"80" doc:"sha256: and 64 hexadecimal digits, of the document."`
	Note              string `json:"note,omitempty" maxLength:"500"`
}

const maxProofYears = 10

var (
	plainWord    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	placeCode    = regexp.MustCompile(`^[A-Z]{2}-[A-Z0-9]{1,3}$`)
	documentHash = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	recordID     = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)
)

// words of types that no law knows: what a service performs, whether a region is
// ready, what a region's own procedures ask for.
const (
	readinessPrefix = "readiness:"
	localPrefix     = "local:"
)

func bad(field, code, format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, code, format, args...).At(field)
}

// region is the region that a scope is, or none: what holds for all, or for a place
// that regions share, is no single region's to vouch for.
func (r EvidenceRequest) region() string {
	if r.Scope == "*" || placeCode.MatchString(r.Scope) {
		return ""
	}
	return r.Scope
}

// AddEvidence puts a proof on file. It counts from its first day, on every replica,
// as soon as that hears of it.
func (s *Service) AddEvidence(ctx context.Context, o gate.Origin, r EvidenceRequest) (Proof, gate.Receipt, error) {
	var err error
	if r.ID, o.Key, err = s.idOf(r.ID, o.Key, "ev"); err != nil {
		return Proof{}, gate.Receipt{}, err
	}
	if r.Issued == "" {
		r.Issued = Day(s.now().UTC().Format("2006-01-02"))
	}
	proof := Proof{ID: r.ID, Service: r.Service, Note: r.Note, Evidence: Evidence{Type: r.Type, Scope: r.Scope, Capability: r.Capability,
		CapabilityVersion: r.CapabilityVersion, Issued: string(r.Issued), Expires: string(r.Expires), URI: r.URI, Hash: r.Hash}}
	target := identity.Target{Kind: "evidence", ID: r.ID, Region: r.region()}
	receipt, err := s.gate.Submit(ctx, o.Change(identity.AddEvidence, target, r), func(tx *kv.Tx, c gate.Change) error {
		if err := s.checkEvidence(r, c); err != nil {
			return err
		}
		found, err := kv.Get(tx, proofs.Key(r.ID))
		if err != nil {
			return err
		}
		if found.Exists() {
			return fault.New(fault.Conflict, "evidence_exists", "evidence %s is on file already", r.ID).
				Do("leave the id out to have one made; a proof is not changed but revoked and replaced").At("id")
		}
		proof.Added = actOf(c)
		return kv.Put(tx, proofs.Key(r.ID), proof)
	})
	return proof, receipt, err
}

// idOf gives a record an id of its own that a repeated request makes again.
func (s *Service) idOf(id, key, prefix string) (string, string, error) {
	if id != "" {
		if !recordID.MatchString(id) {
			return id, key, bad("id", "bad_id", "the id %.64q has other characters than small letters, digits, dots, - and _", id).Do("choose another, or leave it out")
		}
		return id, key, nil
	}
	if key == "" {
		made, err := gate.NewKey(s.now())
		if err != nil {
			return "", "", err
		}
		key = made
	}
	return prefix + "-" + strings.ReplaceAll(key, "-", "")[max(0, len(strings.ReplaceAll(key, "-", ""))-12):], key, nil
}

func (s *Service) checkEvidence(r EvidenceRequest, c gate.Change) error {
	if err := s.checkType(r); err != nil {
		return err
	}
	switch law := s.records.Position().Law; {
	case r.Scope == "*":
	case placeCode.MatchString(r.Scope):
		if law != nil && !law.empty() && law.bundle.places.zones[r.Scope] == nil {
			return bad("scope", "unknown_jurisdiction", "the law knows no jurisdiction %s", r.Scope).Do("name one such as US-CO, a region, or *")
		}
	case !s.world.HasRegion(r.Scope):
		return bad("scope", "unknown_scope", "the scope %.64q is no region, no jurisdiction such as US-CO and not *", r.Scope).Do("list regions with `quorate region list`")
	}
	if r.Capability != "" && !s.world.HasCapability(r.Capability) {
		return fault.New(fault.NotFound, "unknown_capability", "there is no capability %.128q", r.Capability).Do("list them with `quorate capability list`").At("capability")
	}
	if r.CapabilityVersion != "" && r.Capability == "" {
		return bad("capability", "no_capability", "a version was given without a capability").Do("name the capability")
	}
	if err := checkDays(r, Day(c.At.Format("2006-01-02"))); err != nil {
		return err
	}
	return checkDocument(r)
}

func checkDays(r EvidenceRequest, today Day) error {
	for field, day := range map[string]Day{"issued": r.Issued, "expires": r.Expires} {
		if _, err := ParseDay(string(day)); err != nil {
			return bad(field, "bad_day", "%v", err).Do("write it like 2027-01-31")
		}
	}
	switch {
	case r.Expires <= today:
		return bad("expires", "lapsed", "the evidence ended with %s, and today is %s", r.Expires, today).Do("put one on file that holds")
	case r.Expires <= r.Issued:
		return bad("expires", "bad_day", "it would end on %s, before it begins on %s", r.Expires, r.Issued).Do("give a later day")
	case r.Expires > shift(today, 366*maxProofYears):
		return bad("expires", "too_long", "evidence for more than %d years is proof of nothing", maxProofYears).Do("give the day by which somebody looks again")
	}
	return nil
}

// checkType takes the words of the active law, and attestations.
func (s *Service) checkType(r EvidenceRequest) error {
	for _, prefix := range []string{readinessPrefix, localPrefix} {
		if word, ok := strings.CutPrefix(r.Type, prefix); ok && plainWord.MatchString(word) {
			return nil
		}
	}
	law := s.records.Position().Law
	known := law != nil && !law.empty()
	if kind, ok := strings.CutPrefix(r.Type, PerformsPrefix); ok {
		if r.Service == "" {
			return bad("service", "no_service", "it is not said which service performs %.128q", kind).Do("name the portal service or the record system that vouches for it")
		}
		if known && law.bundle.words.Obligations[kind].Point == "" && law.bundle.Records[kind] == nil {
			return bad("type", "unknown_type", "the active law knows no obligation and no rule %.128q", kind).Do("name one, as `quorate explain` does")
		}
		return nil
	}
	switch {
	case !plainWord.MatchString(r.Type):
		return bad("type", "unknown_type", "the type %.128q is no word such as vendor_baa", r.Type).Do("name a type of the law, performs:KIND, readiness:WORD or local:WORD")
	case known && !slices.Contains(law.bundle.words.Evidence, r.Type):
		return bad("type", "unknown_type", "the active law asks for no evidence of the type %s", r.Type).Do("it knows %s", strings.Join(law.bundle.words.Evidence, ", "))
	}
	return nil
}

// attested reports whether a type is somebody's word, for which there is no document.
func attested(kind string) bool {
	return strings.HasPrefix(kind, PerformsPrefix) || strings.HasPrefix(kind, readinessPrefix) || strings.HasPrefix(kind, localPrefix)
}

func checkDocument(r EvidenceRequest) error {
	if r.Hash == "" && !attested(r.Type) {
		return bad("hash", "no_hash", "the hash of the document is missing").Do("give it: `quorate evidence add --file DOCUMENT` computes it, and `sha256sum DOCUMENT` too")
	}
	if r.Hash != "" && !documentHash.MatchString(r.Hash) {
		return bad("hash", "bad_hash", "the hash %.80q is not sha256: and 64 hexadecimal digits", r.Hash).Do("compute it with `sha256sum DOCUMENT`")
	}
	if r.URI != "" {
		if u, err := url.Parse(r.URI); err != nil || u.Scheme == "" || u.User != nil {
			return bad("uri", "bad_uri", "the address of the document is none, or holds a password").Do("write one such as https://documents.example/baa-2027")
		}
	}
	for field, text := range map[string]string{"note": r.Note, "service": r.Service, "uri": r.URI} {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' }) {
			return bad(field, "bad_text", "the %s holds characters that cannot be printed", field).Do("say it in plain text")
		}
	}
	return nil
}

// RevokeEvidence takes a proof off the file, at once. It stays readable.
func (s *Service) RevokeEvidence(ctx context.Context, o gate.Origin, id string) (Proof, gate.Receipt, error) {
	unknown := fault.New(fault.NotFound, "unknown_evidence", "there is no evidence %.64q", id).Do("list it with `quorate evidence list`").At("id")
	if !recordID.MatchString(id) {
		return Proof{}, gate.Receipt{}, unknown
	}
	rec, err := kv.Get(s.store.View(ctx), proofs.Key(id))
	if err == nil && !rec.Exists() && len(identity.Permitting(o.Actor, identity.RevokeEvidence)) > 0 {
		err = unknown // who may nowhere is refused below, on the record
	}
	if err != nil {
		return Proof{}, gate.Receipt{}, err
	}
	proof := rec.Value
	target := identity.Target{Kind: "evidence", ID: id}
	if rec.Exists() {
		target.Region = EvidenceRequest{Scope: proof.Scope}.region()
	}
	receipt, err := s.gate.Submit(ctx, o.Change(identity.RevokeEvidence, target, map[string]string{"id": id}), func(tx *kv.Tx, c gate.Change) error {
		now, err := one(tx, proofs.Key(id), unknown)
		if err != nil {
			return err
		}
		if err := o.CheckBase(target, now.Revision); err != nil {
			return err
		}
		if proof = now.Value; proof.Revoked != nil {
			return nil
		}
		if err := needReason(c.Reason); err != nil {
			return err
		}
		act := actOf(c)
		proof.Revoked = &act
		return kv.Put(tx, proofs.Key(id), proof)
	})
	return proof, receipt, err
}

func needReason(reason string) error {
	if strings.TrimSpace(reason) == "" {
		return bad("/reason", "no_reason", "the reason is missing").Do("say why, for the record")
	}
	return nil
}

// Evidence lists the proofs on file, revoked ones included.
func (s *Service) Evidence(ctx context.Context, who identity.Principal) ([]Stored[Proof], error) {
	if err := identity.Can(who, identity.ReadState, identity.Target{Kind: "evidence"}); err != nil {
		return nil, err
	}
	return listed(s.store.View(ctx), proofs)
}
