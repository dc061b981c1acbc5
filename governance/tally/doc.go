// Package tally counts votes. It is the part of governance that anyone can
// check: given the same roll, the same ballots and the same rule it gives the
// same result on every machine, and the result explains itself.
//
// # What this room decides
//
// A governance group of physicians decides four kinds of question, and each
// kind has its own family of rules here:
//
//   - a motion ("shall video visits be offered?") is carried or lost, by a
//     threshold and a quorum that the charter names: [Motion];
//   - one alternative among several, or a ranking of all of them (which
//     vendor, which design): [Plurality], [Approval], [Score],
//     [MajorityJudgment], [Schulze], [RankedPairs], [IRV];
//   - several seats (a committee, the seats of a region): single transferable
//     vote, sequential Phragmén, proportional approval voting, equal shares;
//   - a portfolio under a budget (which business cases are funded), and the
//     screening of what is clinically appropriate before that.
//
// One rule is one function from its inputs (a [Profile] and, where the rule
// has any, its options) to a [Result]. There is no engine to configure, no
// state between two counts and no clock. Two rules that differ in a detail,
// such as the Scottish and the Meek method of transferring votes, are two
// rules with two names, because on real elections they seat different people.
//
// # What it must never do
//
//   - It never rounds on the way to a decision. Votes, weights and payments
//     are exact rational numbers ([Rat]); where a published rule prescribes
//     decimals (Scottish rules: five places, truncated) the decimals are part
//     of the rule and are carried exactly.
//   - It never breaks a tie by accident. The tie-break is an ordered list of
//     steps that the charter states before the vote ([TieBreak]); every use of
//     it stands in the result, with who was tied and which step decided
//     ([Tie]). A tie that the list cannot break is an error ([TieError]), so
//     that people decide and not the program.
//   - It never drops a ballot in silence. A ballot that is malformed, cast
//     twice, over-voted or empty is reported with its key and with what was
//     done about it ([Problem]).
//   - It never shows how one member voted unless the ballots given to it do.
//
// # An example
//
// Nine members rank three vendors. Four say A, then B; three say B, then A;
// two say C, then B. Under plurality A wins, with four of nine. Under Schulze
// the count looks at every pair: five members prefer B to A, and seven prefer
// B to C, so B would win against each of the others alone, and wins. The
// [Result] of each rule holds these numbers as data; [Sentence] reads them
// aloud, [Text] sets them in a table and [SVG] draws them.
//
// # Recount
//
// An [Export] is everything a count depends on: rule and version, tie-break
// list, roll, alternatives, ballots, seats or budget. Its canonical JSON has a
// digest ([Export.Digest]) that can be published before the result is known.
// [Recount] gives the result from the export alone.
package tally
