package fault

import "net/http"

// Kind is one of the few ways in which a request can fail.
type Kind int

// The kinds, in the order in which a request meets them.
const (
	Internal         Kind = iota // our mistake; the caller can do nothing
	Invalid                      // the request does not say something meaningful
	TooLarge                     // a size limit: body, value, number of records
	Unauthenticated              // we do not know who asks
	Forbidden                    // we know, and they may not
	NotFound                     // the thing named does not exist
	Conflict                     // the world moved: stale revision, reused key
	Refused                      // a rule of the domain or of policy says no
	RateLimited                  // too many requests; carries a delay
	QuotaExceeded                // the store is full
	StoreUnavailable             // the store cannot be reached; nothing was sent
	OutcomeUnknown               // sent, and not known whether it was applied
	NotReady                     // this replica has not loaded its first snapshot
	kinds
)

// mapping is the only place where a kind meets a protocol. The exit codes are
// part of the command line's contract and never change their meaning; 1 is left
// to the unforeseen, 2 to wrong usage as shells expect.
var mapping = [kinds]struct {
	word string
	http int
	grpc string
	exit int
}{
	Internal:         {"internal", http.StatusInternalServerError, "internal", 1},
	Invalid:          {"invalid", http.StatusBadRequest, "invalid_argument", 2},
	TooLarge:         {"too_large", http.StatusRequestEntityTooLarge, "resource_exhausted", 2},
	Unauthenticated:  {"unauthenticated", http.StatusUnauthorized, "unauthenticated", 3},
	Forbidden:        {"forbidden", http.StatusForbidden, "permission_denied", 4},
	NotFound:         {"not_found", http.StatusNotFound, "not_found", 5},
	Conflict:         {"conflict", http.StatusConflict, "aborted", 6},
	Refused:          {"refused", http.StatusUnprocessableEntity, "failed_precondition", 7},
	RateLimited:      {"rate_limited", http.StatusTooManyRequests, "resource_exhausted", 8},
	QuotaExceeded:    {"quota_exceeded", http.StatusInsufficientStorage, "resource_exhausted", 9},
	StoreUnavailable: {"store_unavailable", http.StatusServiceUnavailable, "unavailable", 10},
	OutcomeUnknown:   {"outcome_unknown", http.StatusAccepted, "unknown", 11},
	NotReady:         {"not_ready", http.StatusServiceUnavailable, "unavailable", 12},
}

func (k Kind) valid() Kind {
	if k < 0 || k >= kinds {
		return Internal
	}
	return k
}

// String is the kind's word, stable for programs.
func (k Kind) String() string { return mapping[k.valid()].word }

// HTTPStatus is the status of an RFC 9457 problem response for this kind.
// OutcomeUnknown is 202 Accepted: the request may have been applied, and saying
// that it failed would be false.
func (k Kind) HTTPStatus() int { return mapping[k.valid()].http }

// GRPCCode is the lower-case name of the gRPC status code (also Connect's).
func (k Kind) GRPCCode() string { return mapping[k.valid()].grpc }

// ExitCode is the exit code of the command line for this kind, 1 to 12.
func (k Kind) ExitCode() int { return mapping[k.valid()].exit }

// KindOf finds the kind by its word; ok is false for an unknown one.
func KindOf(word string) (kind Kind, ok bool) {
	for k := range kinds {
		if mapping[k].word == word {
			return k, true
		}
	}
	return Internal, false
}
