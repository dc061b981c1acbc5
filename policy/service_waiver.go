package policy

import (
	"context"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// MaxWaiverDays is the longest that one waiver may last.
const MaxWaiverDays = 180

// A WaiverRequest asks for an exception from one rule, for one capability in one
// jurisdiction, for a time.
type WaiverRequest struct {
	ID           string `json:"id,omitempty" maxLength:"64" doc:"Left out, one is made."`
	RuleID       string `json:"rule_id" maxLength:"128" doc:"The rule, such as FED-1557-DECISION-TOOLS."`
	Jurisdiction string `json:"jurisdiction" maxLength:"16" doc:"Where, such as US-CO."`
	Capability   string `json:"capability" maxLength:"128"`
	Class        string `json:"class" maxLength:"32" default:"risk" doc:"The class of exception; the rule says which it allows. Only risk is kept on file."`
	Issued       Day    `json:"issued,omitempty" maxLength:"10" doc:"First day; today there if left out."`
	Expires      Day    `json:"expires" maxLength:"10" doc:"First day on which it no longer holds."`
	Evidence     string `json:"evidence,omitempty" maxLength:"500" doc:"What it rests on."`
}

// classes are the classes of waivers that a principal may grant.
func classes(p identity.Principal) []string {
	if _, every := p.Regions(identity.Compliance); every {
		return []string{"risk"}
	}
	return nil
}

// GrantWaiver puts an exception on file, if the rule lets itself be waived by its
// class, the one who grants holds that class, and it ends in time. All of that is
// looked at again whenever it is read.
func (s *Service) GrantWaiver(ctx context.Context, o gate.Origin, r WaiverRequest) (GrantedWaiver, gate.Receipt, error) {
	var err error
	if r.ID, o.Key, err = s.idOf(r.ID, o.Key, "wv"); err != nil {
		return GrantedWaiver{}, gate.Receipt{}, err
	}
	if r.Class == "" {
		r.Class = "risk"
	}
	var w GrantedWaiver
	target := identity.Target{Kind: "waiver", ID: r.ID}
	receipt, err := s.gate.Submit(ctx, o.Change(identity.GrantWaiver, target, r), func(tx *kv.Tx, c gate.Change) error {
		if err := needReason(c.Reason); err != nil {
			return err
		}
		one, err := s.waiver(r, c)
		if err != nil {
			return err
		}
		found, err := kv.Get(tx, waivers.Key(r.ID))
		if err != nil {
			return err
		}
		if found.Exists() {
			return fault.New(fault.Conflict, "waiver_exists", "a waiver %s is on file already", r.ID).Do("leave the id out to have one made").At("id")
		}
		w = GrantedWaiver{Waiver: one, Granted: actOf(c)}
		return kv.Put(tx, waivers.Key(r.ID), w)
	})
	return w, receipt, err
}

// waiver makes the waiver and checks it as it will be checked when it is read.
func (s *Service) waiver(r WaiverRequest, c gate.Change) (Waiver, error) {
	p := s.records.Position()
	if p.Without() {
		return Waiver{}, fault.New(fault.Refused, "no_law", "no law is active, so there is nothing to waive").Do("have counsel and compliance activate one")
	}
	b := p.Law.bundle
	rule := b.Records[r.RuleID]
	switch {
	case rule == nil:
		return Waiver{}, fault.New(fault.NotFound, "unknown_rule", "the active law has no rule %.128q", r.RuleID).Do("see its rules with `quorate policy show`").At("rule_id")
	case b.places.zones[r.Jurisdiction] == nil:
		return Waiver{}, bad("jurisdiction", "unknown_jurisdiction", "the law knows no jurisdiction %.16q", r.Jurisdiction).Do("name one such as US-CO")
	case !s.world.HasCapability(r.Capability):
		return Waiver{}, fault.New(fault.NotFound, "unknown_capability", "there is no capability %.128q", r.Capability).Do("list them with `quorate capability list`").At("capability")
	}
	today := b.today(c.At, r.Jurisdiction)
	if r.Issued == "" {
		r.Issued = today
	}
	w := Waiver{ID: r.ID, RuleID: r.RuleID, RuleDigest: rule.Digest(), Jurisdiction: r.Jurisdiction, Capability: r.Capability, Class: r.Class,
		GrantedBy: c.Actor.Name, MayGrant: classes(c.Actor), Reason: c.Reason, Evidence: r.Evidence, Issued: string(r.Issued),
		Expires: string(r.Expires), MaxDays: MaxWaiverDays}
	if err := b.CheckWaiver(w, max(today, r.Issued)); err != nil {
		return w, fault.New(fault.Refused, "not_waivable", "%s", oneLine(err.Error())).Do("see who may waive it with `quorate policy show %s`", r.RuleID).At("rule_id")
	}
	return w, nil
}

// RevokeWaiver ends an exception at once. What rested on it is off.
func (s *Service) RevokeWaiver(ctx context.Context, o gate.Origin, id string) (GrantedWaiver, gate.Receipt, error) {
	unknown := fault.New(fault.NotFound, "unknown_waiver", "there is no waiver %.64q", id).Do("list them with `quorate waiver list`").At("id")
	if !recordID.MatchString(id) {
		return GrantedWaiver{}, gate.Receipt{}, unknown
	}
	var w GrantedWaiver
	target := identity.Target{Kind: "waiver", ID: id}
	receipt, err := s.gate.Submit(ctx, o.Change(identity.RevokeWaiver, target, map[string]string{"id": id}), func(tx *kv.Tx, c gate.Change) error {
		now, err := one(tx, waivers.Key(id), unknown)
		if err != nil {
			return err
		}
		if err := o.CheckBase(target, now.Revision); err != nil {
			return err
		}
		if w = now.Value; w.Revoked != nil {
			return nil
		}
		if err := needReason(c.Reason); err != nil {
			return err
		}
		act := actOf(c)
		w.Revoked = &act
		return kv.Put(tx, waivers.Key(id), w)
	})
	return w, receipt, err
}

// Waivers lists the exceptions on file, revoked ones included.
func (s *Service) Waivers(ctx context.Context, who identity.Principal) ([]Stored[GrantedWaiver], error) {
	if err := identity.Can(who, identity.ReadState, identity.Target{Kind: "waiver"}); err != nil {
		return nil, err
	}
	return listed(s.store.View(ctx), waivers)
}
