// Package sandbox looks at bundles of rules that nobody has looked at yet.
//
// A bundle is a program. Before a server takes one it must be read, compiled,
// translated and tried, and all of that runs what its author wrote. OPA bounds an
// evaluation by a deadline, but a deadline is only looked at between steps: one
// step, on one large number, was seen to take a hundred times as long. So none of
// it happens in the process that serves portals.
//
// Check starts a child: the same program, called with ChildArg, without its
// parent's environment, at the lowest priority, on one processor, and under limits
// that the kernel keeps (CPU time, memory, no file written, few opened). It is given
// the archive and the keys that are trusted, and answers with a report. If it does
// not answer in time it is killed, with all that it started, and what it was trying
// last is named as the reason.
//
// What the child must never do is decide. It says what it found; whether the bundle
// is stored and activated is for the gate. And the serving process must never load a
// bundle whose revision did not pass here.
//
// One example. A rule counts a comprehension over four lists of a thousand. It
// compiles, and its first case would take a day. The child says "rules/x/slow.rego:7:
// XX-SLOW: deciding by it", and is silent. After five seconds the kernel ends it, and the parent
// refuses the bundle by that line.
package sandbox
