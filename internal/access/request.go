package access

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// The limits of a token.
const (
	MaxLife    = 365 * 24 * time.Hour
	MaxName    = 100 // characters
	MaxReason  = 1000
	MaxGrants  = 20
	MaxRegions = 200 // in one grant
)

// check refuses a request that makes no sense at that time. known says which
// regions exist; nil lets every region pass. It is pure.
func (r TokenRequest) check(now time.Time, known func(region string) bool) error {
	if err := checkName(r.Name); err != nil {
		return err
	}
	if n := len(r.Grants); n == 0 || n > MaxGrants {
		return fault.New(fault.Invalid, "bad_grants", "the token would hold %d roles", n).
			Do("grant between 1 and %d roles, each for some regions", MaxGrants).At("/grants")
	}
	for i, g := range r.Grants {
		if err := checkGrant(g, fmt.Sprintf("/grants/%d", i), known); err != nil {
			return err
		}
	}
	for i, a := range r.Verbs {
		if !a.Known() {
			return fault.New(fault.Invalid, "unknown_verb", "there is no action %.60q", a).
				Do("use some of: %s", words(identity.Actions)).At(fmt.Sprintf("/verbs/%d", i))
		}
	}
	return checkExpiry(r.Expires, now)
}

// within refuses to widen: a token that is good for some actions only issues
// tokens for no others.
func (r TokenRequest) within(issuer identity.Principal) error {
	if len(issuer.Verbs) == 0 {
		return nil
	}
	if len(r.Verbs) == 0 {
		return fault.New(fault.Forbidden, "wider_token", "a token for %s alone cannot issue one without limits", words(issuer.Verbs)).
			Do("name the actions of the new token among these").At("/verbs")
	}
	for i, a := range r.Verbs {
		if !slices.Contains(issuer.Verbs, a) {
			return fault.New(fault.Forbidden, "wider_token", "a token for %s alone cannot issue one for %s", words(issuer.Verbs), a).
				Do("name the actions of the new token among these").At(fmt.Sprintf("/verbs/%d", i))
		}
	}
	return nil
}

func checkName(name string) error {
	bad := ""
	switch {
	case strings.TrimSpace(name) == "":
		bad = "is empty"
	case utf8.RuneCountInString(name) > MaxName:
		bad = fmt.Sprintf("has %d characters", utf8.RuneCountInString(name))
	case !printable(name):
		bad = fmt.Sprintf("%q holds characters that cannot be printed", name)
	case strings.TrimSpace(name) != name:
		bad = fmt.Sprintf("%q begins or ends with a space", name)
	default:
		return nil
	}
	return fault.New(fault.Invalid, "bad_name", "the token's name %s", bad).
		Do("name its bearer by role in 1 to %d printable characters, such as \"Colorado regional lead\"", MaxName).At("/name")
}

// printable excludes control characters and those that turn the direction of
// writing, with which a name could pose as another.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func checkReason(reason string) error {
	if n := utf8.RuneCountInString(reason); n > MaxReason {
		return fault.New(fault.Invalid, "bad_reason", "the reason has %d characters", n).Do("use at most %d", MaxReason).At("/reason")
	}
	if !printable(strings.ReplaceAll(reason, "\n", "")) {
		return fault.New(fault.Invalid, "bad_reason", "the reason holds characters that cannot be printed").Do("use plain text").At("/reason")
	}
	return nil
}

func checkGrant(g identity.Grant, at string, known func(string) bool) error {
	if !g.Role.Known() {
		return fault.New(fault.Invalid, "unknown_role", "there is no role %.60q", g.Role).
			Do("use one of: %s", words(identity.Roles)).At(at + "/role")
	}
	if n := len(g.Regions); n == 0 || n > MaxRegions {
		return fault.New(fault.Invalid, "bad_regions", "the role %s would be held in %d regions", g.Role, n).
			Do("name at least one region and at most %d, or %q for all", MaxRegions, identity.Every).At(at + "/regions")
	}
	for i, region := range g.Regions {
		if region != identity.Every && (region == "" || known != nil && !known(region)) {
			return fault.New(fault.Invalid, "unknown_region", "there is no region %.60q", region).
				Do("list them with `quorate region list`, or use %q for all", identity.Every).At(fmt.Sprintf("%s/regions/%d", at, i))
		}
	}
	return nil
}

func checkExpiry(expires, now time.Time) error {
	bad := ""
	switch {
	case expires.IsZero():
		return fault.New(fault.Invalid, "bad_expiry", "the token has no expiry").
			Do("say when it expires, at most %d days ahead", MaxLife/(24*time.Hour)).At("/expires")
	case !expires.After(now):
		bad = "in the past"
	case expires.Sub(now) > MaxLife:
		bad = "more than a year ahead"
	default:
		return nil
	}
	return fault.New(fault.Invalid, "bad_expiry", "the expiry %s is %s", expires.UTC().Format(time.RFC3339), bad).
		Do("choose a time after %s and at most %d days later", now.UTC().Format(time.RFC3339), MaxLife/(24*time.Hour)).At("/expires")
}

func words[T ~string](all []T) string {
	out := make([]string, len(all))
	for i, w := range all {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}
