package tally

import (
	"cmp"
	"fmt"
	"strings"
)

// needWords says in words what each threshold asks for.
var needWords = map[Threshold]string{
	Majority:           "more yes than no",
	MajorityPresent:    "yes from more than half of those present",
	AbsoluteMajority:   "yes from more than half of all who may vote",
	TwoThirds:          "yes from at least two thirds of the votes for or against",
	ThreeQuarters:      "yes from at least three quarters of the votes for or against",
	TwoThirdsOfMembers: "yes from at least two thirds of all who may vote",
	UnanimousCast:      "at least one yes and no vote against",
	UnanimousConsent:   "that nobody objects",
}

var outcomeWords = map[string]string{
	carried:        "The motion is carried",
	notCarried:     "The motion is lost",
	tiedNotCarried: "The vote is tied, so the motion is lost",
	noQuorum:       "There is no quorum, so nothing is decided",
	objection:      "There is an objection, so the motion goes to a vote",
}

func motionSentence(r Result) string {
	m := r.Motion
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s yes, %s no, %s. It needed %s.", outcomeWords[r.Outcome],
		m.Yes.Decimal(2), m.No.Decimal(2), plural(m.Abstain, "abstention", "abstentions"), needWords[m.Threshold])
	if m.ChairTieBreak != "" {
		fmt.Fprintf(&b, " The vote was tied and the chair voted %s.", m.ChairTieBreak)
	}
	if r.Outcome == noQuorum {
		fmt.Fprintf(&b, " Present were %s of %s.", m.Present.Decimal(2), m.QuorumBase.Decimal(2))
		if !m.Physicians.IsZero() {
			fmt.Fprintf(&b, " Of %s physicians %s were present.", m.Physicians.Decimal(2), m.PhysiciansPresent.Decimal(2))
		}
	}
	if m.DoubleMajority {
		fmt.Fprintf(&b, " It also needed more than half of the %d regions; %d said yes.", len(m.Regions), m.RegionsYes)
	}
	b.WriteString(flipWords(r))
	return b.String()
}

// flipWords says how close it was.
func flipWords(r Result) string {
	f := r.Motion.Flip
	if f == nil {
		return ""
	}
	other := "carried"
	if r.Outcome == carried {
		other = "lost"
	}
	switch {
	case f.Ballots > 0:
		return fmt.Sprintf(" Had %s of those who voted voted otherwise, it could have been %s.", strings.ToLower(few(f.Ballots)), other)
	case f.Members > 0:
		return fmt.Sprintf(" Had %s of all who may vote acted otherwise, it could have been %s.", strings.ToLower(few(f.Members)), other)
	}
	return ""
}

func motionText(r Result) string {
	m := r.Motion
	var b strings.Builder
	b.WriteString(motionSentence(r) + "\n\n")
	b.WriteString(textTable([]string{"", "votes"}, [][]string{
		{"yes", m.Yes.String()}, {"no", m.No.String()}, {"abstain", m.Abstain.String()},
		{"may vote", m.Entitled.String()}, {"present", m.Present.String()},
		{"quorum", quorumWords(m)},
	}))
	if len(m.Regions) > 0 {
		var rows [][]string
		for _, c := range m.Regions {
			rows = append(rows, []string{c.Region, c.Yes.String(), c.No.String(), c.Abstain.String(), strings.ReplaceAll(c.Position, "_", " ")})
		}
		b.WriteString("\n" + textTable([]string{"region", "yes", "no", "abstain", "position"}, rows))
	}
	for _, who := range m.Recused {
		fmt.Fprintf(&b, "Recused: %s (%s).\n", who.Member, cmp.Or(who.Reason, "no reason given"))
	}
	if len(m.Objections) > 0 {
		fmt.Fprintf(&b, "Objected: %s.\n", listed(m.Objections))
	}
	return b.String() + remarks(r)
}

func quorumWords(m *MotionReport) string {
	if m.Quorum.IsZero() {
		return "none asked for"
	}
	than := "at least"
	if m.QuorumStrict {
		than = "more than"
	}
	met := "met"
	if !m.QuorumMet {
		met = "not met"
	}
	return fmt.Sprintf("%s %s of %s: %s", than, m.Quorum, m.QuorumBase, met)
}

func motionSVG(r Result) string {
	m := r.Motion
	row := func(label string, yes, no, abstain Rat) bar {
		return bar{label: label, note: yes.Decimal(2) + " : " + no.Decimal(2), parts: []part{
			{yes, "won", yes.Decimal(2) + " yes"}, {no, "no", no.Decimal(2) + " no"}, {abstain, "off", abstain.Decimal(2) + " abstain"},
		}}
	}
	bars := []bar{row("All", m.Yes, m.No, m.Abstain)}
	for _, c := range m.Regions {
		bars = append(bars, row(c.Region, c.Yes, c.No, c.Abstain))
	}
	return svgBars("Votes on the motion: yes, no, abstain", motionSentence(r), bars, Rat{}, "")
}
