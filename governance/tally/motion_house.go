package tally

import "slices"

// house is everybody who may vote on one motion, as the roll, the recusals
// and the ballots leave them.
type house struct {
	rule    MotionRule
	sitting Sitting
	members []voter
	chair   int      // index in members; -1: nobody, or recused
	regions []string // all on the roll, in its order
	// recused weight, for charters that count it for the quorum
	recused, recusedPresent Rat
}

// voter is one member who may vote, or one secret ballot.
type voter struct {
	key, region string
	weight      Rat
	vote        Vote // empty: none cast
	present     bool
	physician   bool
}

// convene applies roll, recusals, proxies and ballots.
func convene(p Profile, rule MotionRule, sitting Sitting) (house, []Problem, error) {
	h := house{rule: rule, sitting: sitting, chair: -1}
	h.seat(p.Roll)
	seats := make(map[string]int, len(h.members))
	for i, m := range h.members {
		seats[m.key] = i
	}
	own, proxyProblems := h.withoutRefusedProxies(p, seats)
	p.Ballots = own
	ballots, problems := p.admit()
	problems = append(proxyProblems, problems...)
	for _, b := range ballots {
		vote, problem := motionVote(b, sitting)
		if problem != nil {
			problems = append(problems, *problem)
			continue
		}
		present := b.Proxy == "" || rule.ProxiesPresent
		if i, ok := seats[b.Voter]; ok && b.Voter != "" {
			h.members[i].vote = vote
			h.members[i].present = h.members[i].present || present
			continue
		}
		h.members = append(h.members, voter{key: b.name, weight: b.weight, vote: vote, present: present})
		if len(p.Roll) > 0 && (rule.DoubleMajority || rule.RegionQuorum.Sign() > 0) {
			return house{}, nil, errSecret
		}
	}
	return h, problems, nil
}

// seat takes members who are not recused into the house and notes regions.
func (h *house) seat(roll []Member) {
	for _, m := range roll {
		if m.Region != "" && !slices.Contains(h.regions, m.Region) {
			h.regions = append(h.regions, m.Region)
		}
		if r, ok := h.sitting.recusal(m.Key); ok {
			h.recused = h.recused.Add(m.Votes())
			if r.Present {
				h.recusedPresent = h.recusedPresent.Add(m.Votes())
			}
			continue
		}
		if m.Key == h.sitting.Chair {
			h.chair = len(h.members)
		}
		h.members = append(h.members, voter{
			key: m.Key, region: m.Region, weight: m.Votes(), physician: m.Physician,
			present: slices.Contains(h.sitting.Attending, m.Key),
		})
	}
}

func (s Sitting) recusal(key string) (Recusal, bool) {
	for _, r := range s.Recused {
		if r.Member == key {
			return r, true
		}
	}
	return Recusal{}, false
}

// withoutRefusedProxies leaves out ballots that a proxy may not cast.
func (h *house) withoutRefusedProxies(p Profile, seats map[string]int) ([]Ballot, []Problem) {
	inPerson := make(map[string]bool)
	for _, b := range p.Ballots {
		if b.Proxy == "" || b.Proxy == b.Voter {
			inPerson[b.Voter] = true
		}
	}
	held := make(map[string]map[string]bool)
	var out []Ballot
	var problems []Problem
	for i, b := range p.Ballots {
		if b.Proxy == b.Voter {
			b.Proxy = ""
		}
		if b.Key == "" {
			b.Key = ballotName(b, i) // keeps its number once others are left out
		}
		if kind, why := h.refuseProxy(b, inPerson, seats, held); why != "" {
			problems = append(problems, Problem{b.Key, kind, why, "not counted"})
			continue
		}
		out = append(out, b)
	}
	return out, problems
}

func (h *house) refuseProxy(b Ballot, inPerson map[string]bool, seats map[string]int, held map[string]map[string]bool) (ProblemKind, string) {
	if b.Proxy == "" {
		return "", ""
	}
	if h.rule.Proxies == 0 {
		return Malformed, "the charter allows no proxies"
	}
	if inPerson[b.Voter] {
		return Duplicate, quote(b.Voter) + " voted in person"
	}
	if _, ok := seats[b.Proxy]; !ok {
		return NotOnRoll, "proxy " + quote(b.Proxy) + " may not vote"
	}
	if held[b.Proxy] == nil {
		held[b.Proxy] = make(map[string]bool)
	}
	if held[b.Proxy][b.Voter] = true; len(held[b.Proxy]) > h.rule.Proxies {
		return Overvoted, "proxy " + quote(b.Proxy) + " already votes for as many members as the charter allows"
	}
	return "", ""
}

// motionVote reads the vote on a ballot, or says what is wrong with it.
func motionVote(b counted, s Sitting) (Vote, *Problem) {
	if _, ok := s.recusal(b.Voter); ok && b.Voter != "" {
		return "", &Problem{b.name, NotOnRoll, quote(b.Voter) + " is recused", "not counted"}
	}
	switch b.Vote {
	case Yes, No, Abstain:
		return b.Vote, nil
	case Object:
		return No, nil
	case "":
		return "", &Problem{b.name, Empty, "no vote", "not counted"}
	}
	return "", &Problem{b.name, Malformed, "no vote is called " + quote(string(b.Vote)), "not counted"}
}

// counts reports whether the vote of member i is added up; a chair who votes
// only to break ties is left out.
func (h *house) counts(i int) bool { return i != h.chair || h.rule.Chair != chairOnlyTies }

// sums adds up the house.
type sums struct{ yes, no, abstain, silent, entitled, present Rat }

func (h *house) sums() sums {
	var s sums
	for i, m := range h.members {
		s.entitled = s.entitled.Add(m.weight)
		if m.present {
			s.present = s.present.Add(m.weight)
		}
		if !h.counts(i) {
			continue
		}
		switch {
		case m.vote == Yes:
			s.yes = s.yes.Add(m.weight)
		case m.vote == No:
			s.no = s.no.Add(m.weight)
		case m.vote == Abstain:
			s.abstain = s.abstain.Add(m.weight)
		case m.present:
			s.silent = s.silent.Add(m.weight)
		}
	}
	return s
}

// at is the value of the threshold's sum.
func (l line) at(s sums) Rat {
	return s.yes.Mul(Int(l.yes)).Add(s.no.Mul(Int(l.no))).Add(s.abstain.Mul(Int(l.abstain))).
		Add(s.silent.Mul(Int(l.silent))).Add(s.entitled.Mul(Int(l.entitled)))
}

// decide applies the rule to the house as it stands.
func (h *house) decide() (MotionReport, string) {
	s := h.sums()
	r := MotionReport{
		Threshold: h.rule.Threshold, Yes: s.yes, No: s.no, Abstain: s.abstain, Entitled: s.entitled,
		Present: s.present, QuorumBase: s.entitled, Quorum: h.rule.Quorum, QuorumStrict: h.rule.QuorumStrict,
		DoubleMajority: h.rule.DoubleMajority, Recused: h.sitting.Recused,
	}
	if h.rule.RecusedCountForQuorum {
		r.Present = r.Present.Add(h.recusedPresent)
		r.QuorumBase = r.QuorumBase.Add(h.recused)
	}
	h.countRegions(&r)
	h.countPhysicians(&r)
	for _, m := range h.members {
		if m.vote == "" && !m.present {
			r.Absent = append(r.Absent, m.key)
		}
		if m.vote == No && h.rule.Threshold == UnanimousConsent {
			r.Objections = append(r.Objections, m.key)
		}
	}
	r.QuorumMet = reaches(r.Present, h.rule.Quorum.Mul(r.QuorumBase), h.rule.QuorumStrict) &&
		reaches(Int(int64(r.RegionsPresent)), h.rule.RegionQuorum.Mul(Int(int64(len(h.regions)))), h.rule.RegionQuorumStrict) &&
		reaches(r.PhysiciansPresent, h.rule.PhysicianQuorum.Mul(r.Physicians), h.rule.PhysicianQuorumStrict)
	h.countMembers(&r, s)
	return r, r.outcome()
}

// reaches compares with a quorum. A quorum of 0 asks for nothing, strict or
// not.
func reaches(have, need Rat, strict bool) bool {
	if need.IsZero() {
		return true
	}
	if strict {
		return need.Less(have)
	}
	return !have.Less(need)
}

func (h *house) countMembers(r *MotionReport, s sums) {
	l := thresholds[h.rule.Threshold]
	at := l.at(s).Sign()
	r.MembersCarried = at > 0 || at == 0 && !l.strict
	switch h.rule.Threshold {
	case TwoThirds, ThreeQuarters, UnanimousCast:
		r.MembersCarried = r.MembersCarried && s.yes.Sign() > 0
	case Majority:
		r.Tie = at == 0
		if v := h.chairVote(); r.Tie && (v == Yes || v == No) {
			r.Tie, r.ChairTieBreak, r.MembersCarried = false, v, v == Yes
		}
	}
}

// chairVote is the vote with which the chair breaks a tie, if any.
func (h *house) chairVote() Vote {
	if h.chair < 0 || h.rule.Chair == "" {
		return ""
	}
	return h.members[h.chair].vote
}

func (h *house) countPhysicians(r *MotionReport) {
	if h.rule.PhysicianQuorum.IsZero() {
		return
	}
	for _, m := range h.members {
		if !m.physician {
			continue
		}
		r.Physicians = r.Physicians.Add(m.weight)
		if m.present {
			r.PhysiciansPresent = r.PhysiciansPresent.Add(m.weight)
		}
	}
}

func (h *house) countRegions(r *MotionReport) {
	at := make(map[string]int, len(h.regions))
	for i, name := range h.regions {
		at[name] = i
		r.Regions = append(r.Regions, RegionCount{Region: name})
	}
	present := make([]bool, len(h.regions))
	for _, m := range h.members {
		if m.region == "" {
			continue
		}
		c := &r.Regions[at[m.region]]
		present[at[m.region]] = present[at[m.region]] || m.present
		c.add(m) // also the chair's: only the count of members leaves it out
	}
	for i := range r.Regions {
		r.Regions[i].takePosition()
		if r.Regions[i].Position == positionYes {
			r.RegionsYes++
		}
		if present[i] {
			r.RegionsPresent++
		}
	}
	r.RegionsCarried = 2*r.RegionsYes > len(r.Regions)
}

func (c *RegionCount) add(m voter) {
	switch m.vote {
	case Yes:
		c.Yes = c.Yes.Add(m.weight)
	case No:
		c.No = c.No.Add(m.weight)
	case Abstain:
		c.Abstain = c.Abstain.Add(m.weight)
	}
}

func (c *RegionCount) takePosition() {
	c.Position = [...]string{positionNo, noPosition, positionYes}[c.Yes.Cmp(c.No)+1]
}

func (r MotionReport) outcome() string {
	switch {
	case !r.QuorumMet:
		return noQuorum
	case r.MembersCarried && (!r.DoubleMajority || r.RegionsCarried):
		return carried
	case r.Threshold == UnanimousConsent && !r.MembersCarried:
		return objection
	case r.Tie:
		return tiedNotCarried
	}
	return notCarried
}
