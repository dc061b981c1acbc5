package eval

// Limits on what is compiled and evaluated. They are part of the contract: a
// definition within them is served in bounded time and memory whatever the
// context, and one outside them is refused with an error when it is written,
// not when a patient is waiting.
const (
	// MaxDocument is the size of a whole document in bytes.
	MaxDocument = 64 << 20
	// MaxDefinition is the size of one flag, or of one shared evaluator, in bytes.
	MaxDefinition = 256 << 10
	// MaxNesting is how deep JSON may nest, whatever it means.
	MaxNesting = 64
	// MaxDepth is how deep operators may nest in a targeting, references included.
	MaxDepth = 16
	// MaxOperators is how many operators a targeting may have, references included.
	MaxOperators = 1000
	// MaxVariants is how many variants a flag may have.
	MaxVariants = 1000
	// MaxWork is the work one evaluation may do, in units of about one operator
	// or one list element. A targeting without loops cannot reach it; one that
	// loops over a list of the context ends with GENERAL when it does.
	MaxWork = 100_000
	// MaxText is the length in bytes of a string that an operator may build.
	MaxText = 64 << 10
)

// Context is the nested OpenFeature evaluation context, e.g.
//
//	{"targetingKey": "p-1", "patient": {"age": 44}, "facility": "co-1"}
//
// Values are those of JSON: nil, bool, string, any Go number or json.Number,
// []any and map[string]any; time.Time counts as its RFC 3339 text, and typed
// slices and maps with string keys as their JSON form. Anything else reads as
// absent. Evaluation never writes to a Context and keeps no reference to it.
type Context = map[string]any

// Reason is OpenFeature's account of how a value came about (specification
// 2.2.5). Only Static may be cached by a client.
type Reason string

// The reasons of flagd. Stale is never given by this package; a server replaces
// the reason with it while it answers from a snapshot it cannot refresh.
const (
	Static         Reason = "STATIC"
	TargetingMatch Reason = "TARGETING_MATCH"
	Default        Reason = "DEFAULT"
	Disabled       Reason = "DISABLED"
	Error          Reason = "ERROR"
	Stale          Reason = "STALE"
)

// ErrorCode is OpenFeature's class of a failed evaluation; "" is none.
type ErrorCode string

// The error codes of OpenFeature. This package gives ParseError for a targeting
// that cannot be understood or whose operands are not what an operator needs,
// General for a targeting that names no variant or runs out of work, and
// TypeMismatch; the others are for servers.
const (
	FlagNotFound        ErrorCode = "FLAG_NOT_FOUND"
	ParseError          ErrorCode = "PARSE_ERROR"
	TypeMismatch        ErrorCode = "TYPE_MISMATCH"
	TargetingKeyMissing ErrorCode = "TARGETING_KEY_MISSING"
	InvalidContext      ErrorCode = "INVALID_CONTEXT"
	General             ErrorCode = "GENERAL"
)

// Type is the one type of all variants of a flag.
type Type string

// The types of flagd. A flag of type Number serves both OpenFeature's integers
// and floats; which of them a caller may have is a matter of the literal.
const (
	Boolean Type = "boolean"
	String  Type = "string"
	Number  Type = "number"
	Object  Type = "object"
)

// Result is the outcome of one evaluation.
//
// Without HasValue the caller uses its own default: the flag is disabled, has no
// default variant for this context, or failed. Absence is never a value; do not
// read Value then.
type Result struct {
	// Value is a bool, a string, a json.Number with the literal of the
	// definition, or a map[string]any of these. Objects are shared: read only.
	Value    any
	HasValue bool
	// Variant names the value; HasVariant is HasValue today and says so anyway,
	// for a wire where "" and absence differ.
	Variant    string
	HasVariant bool
	Reason     Reason
	// ErrorCode is set exactly if Reason is Error. ErrorDetails explains it in
	// words of the definition; it never repeats anything of the context.
	ErrorCode    ErrorCode
	ErrorDetails string
	// Metadata is that of the set, overridden key by key by that of the flag;
	// present on errors and disabled flags too. Shared: read only. Never nil.
	Metadata map[string]any
}
