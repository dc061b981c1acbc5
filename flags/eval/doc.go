// Package eval decides what value a flag has for one patient at one moment.
//
// A region's answer to "may this patient start a video visit here, now?" is
// written as a flag definition in the language of flagd, which OpenFeature
// providers in every language read: the values that the capability can take,
// each with a name that says why; which of them holds by default; and a
// targeting, a rule in JsonLogic over the facts that the portal sends along.
//
//	{
//	  "state": "ENABLED",
//	  "variants": {"on": true, "off": false, "CO-17/missing/patient.age": false},
//	  "defaultVariant": "off",
//	  "targeting": {"if": [
//	    {"missing": ["patient.age"]}, "CO-17/missing/patient.age",
//	    {"and": [{">=": [{"var": "patient.age"}, 18]},
//	             {"in": [{"var": "facility"}, ["co-1", "co-2"]]}]},
//	    {"fractional": [{"cat": ["video_visit", {"var": "targetingKey"}]},
//	                    ["on", 25], ["off", 75]]},
//	    "off"]}
//	}
//
// Compile reads a whole set of such flags, CompileFlag a single one. Both turn
// every rule into closures once, so that an answer costs a fraction of a
// microsecond and, for a boolean flag, no memory:
//
//	set, err := eval.Compile(document)
//	flag, ok := set.Flag("video_visit")
//	on, has, variant, reason, code := flag.EvaluateBool(facts, now)
//
// # What it must never do
//
// It is a pure function of definition, context and time. It reads no clock, no
// environment, no network; the same three give the same answer on every replica,
// for ever. It never panics and never runs long, whatever is sent to it: the
// depth, size and number of operators of a rule are limited when it is compiled
// (MaxDepth, MaxDefinition, MaxOperators), the work of loops when it runs
// (MaxWork). It keeps no reference to a patient's facts, and no error repeats
// them. It knows nothing of offers, law or regions: those are compiled into the
// definitions before they come here.
//
// No value is not a value. For a flag that is disabled, that has no default for
// this context, or whose rule fails, the caller serves its own default; so what
// must be granted says "off" in a variant of its own, and what asks must have
// false as its default.
//
// The one exception is a flag whose metadata names a capability: if its rule fails,
// because a fact is of another type than the rule reads, it gives its own default
// variant with the reason DEFAULT. The metadata travels with the definition, so
// whoever evaluates with this package does the same.
//
// # The language
//
// A targeting is a tree of operations, {"operator": [arguments]}; everything
// else stands for itself. Its result names a variant: text as it is, a boolean
// or number by its JSON text. Null means the default variant (reason DEFAULT);
// a name that is no variant is an error (GENERAL).
//
//   - facts: var, missing, missing_some. Paths are dotted, positions in lists
//     included ("licenses.0"). Inside a loop they start at the element alone.
//   - logic: if (?:), and, or, !, !!
//   - comparison: == != === !== < <= > >= (of three operands: between)
//   - numbers: + - * / % max min
//   - text: cat, substr, in, starts_with, ends_with, sem_ver
//   - lists: in, merge, map, filter, reduce, all, some, none
//   - rollout: fractional, which puts a person into a share by the hash of a key,
//     steadily and so that raising a share never removes anyone from it
//   - {"$ref": "name"} for a rule of the set's "$evaluators", which must not
//     itself refer to another
//   - {"var": "$flagd.timestamp"}, seconds since 1970, and {"var":
//     "$flagd.flagKey"}; what the caller puts under "$flagd" is ignored
//
// # Where the engines differ
//
// The official engines, flagd's core in Go and flagd-core in JavaScript, agree
// on rules whose operands are of the type that the operator expects, with few
// exceptions, and disagree on most others. Where they agree we answer as they
// do. Where they do not, a rule that cannot be read two ways is an error when it
// is compiled, and an operand that they would read two ways is an error
// (PARSE_ERROR) when it is evaluated, because the caller's default, false, is
// safer than a guess. In particular:
//
//   - Order (< <= > >=) of anything with text that is no number, or with a list
//     or object, is an error; Go says false. A missing fact counts as 0, as in
//     both, so guard it with missing; it equals no bound (>= 0 is false), as in
//     Go only.
//   - Equality with such operands is false, as in Go; JavaScript may refuse.
//   - Arithmetic on null, booleans or other text, and results that are not
//     finite, are errors; one engine or the other reads null as 0, text as 0 or
//     true as 1. max and min take numbers only.
//   - in compares list elements strictly, as in JavaScript; Go reads numeric text
//     and takes a list of two numbers for a range.
//   - Loops see their element and nothing else, as JsonLogic documents; Go lets
//     the outer context shine through. A loop over a value that is no list and
//     not null is an error.
//   - all over an absent list is false, as in Go; JavaScript says true.
//   - reduce over null gives its start, as in JavaScript, and takes any start; Go
//     gives 0, forces the accumulator to the type of the start and skips null.
//   - cat joins without trimming, unlike Go; null is empty.
//   - substr counts code points, as in Go, and clamps positions, as JavaScript
//     does; Go gives the whole text for a start beyond its end.
//   - A name in a path that does not lead into a list or object is absent; Go
//     reads the first element for it, JavaScript also "length".
//   - A fact that is null is missing, as in Go.
//   - A weight that is null counts as 1 and a null bucketing key is left out, as
//     in Go.
//   - A number is decimal; neither "0x10" nor "inf" is one.
//   - A definition with an unknown operator anywhere answers PARSE_ERROR for
//     everyone, as in JavaScript; Go does so for those who reach it.
//
// Sources: the flagd documentation (flag definitions, custom operations),
// jsonlogic.com, and the behaviour of flagd/core 0.16.1 and flagd-core 4.0.1.
package eval
