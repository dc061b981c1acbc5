package eval

import (
	"cmp"
	"strings"
)

// buildSemVer compiles flagd's sem_ver: [version, relation, version]; null if
// either is no version or the relation is unknown.
func buildSemVer(k *call) code {
	codes := k.all()
	a, rel, b := codes[0], codes[1], codes[2]
	if rel.constant() && relation(rel.value.str) == nil {
		return k.null(k.argAt(1), "knows the relations = != < <= > >= ~ ^, not "+describe(&k.args[1]))
	}
	for _, i := range []int{0, 2} {
		if c := codes[i]; c.constant() {
			if _, ok := versionOf(c.value); !ok {
				return k.null(k.argAt(i), "takes a semantic version, not "+describe(&k.args[i]))
			}
		}
	}
	left, right := version(a), version(b)
	if rel.constant() {
		holds := relation(rel.value.str)
		return code{eval: func(e *env) value { return related(e, left, holds, right) }}
	}
	name := rel.expr()
	return code{eval: func(e *env) value { return related(e, left, relation(name(e).str), right) }}
}

func related(e *env, left versioned, holds func(a, b semver) bool, right versioned) value {
	a, ok := left(e)
	b, fine := right(e)
	if !ok || !fine || holds == nil {
		return value{}
	}
	return boolean(holds(a, b))
}

// versioned computes a version, read in advance if it is constant.
type versioned func(*env) (semver, bool)

func version(c code) versioned {
	if c.constant() {
		v, ok := versionOf(c.value)
		return func(*env) (semver, bool) { return v, ok }
	}
	return func(e *env) (semver, bool) { return versionOf(c.eval(e)) }
}

func relation(name string) func(a, b semver) bool {
	switch name {
	case "=":
		return func(a, b semver) bool { return a.compare(b) == 0 }
	case "!=":
		return func(a, b semver) bool { return a.compare(b) != 0 }
	case "<":
		return func(a, b semver) bool { return a.compare(b) < 0 }
	case "<=":
		return func(a, b semver) bool { return a.compare(b) <= 0 }
	case ">":
		return func(a, b semver) bool { return a.compare(b) > 0 }
	case ">=":
		return func(a, b semver) bool { return a.compare(b) >= 0 }
	case "^":
		return func(a, b semver) bool { return a.core[0] == b.core[0] }
	case "~":
		return func(a, b semver) bool { return a.core[0] == b.core[0] && a.core[1] == b.core[1] }
	}
	return nil
}

// semver is a version by semver.org 2.0.0, without the build metadata, which
// orders nothing. Numbers stay text: they may be longer than an integer.
type semver struct {
	core [3]string
	pre  string // without the hyphen; "" for a release
}

// versionOf reads a version from text or a number; v and V may stand before it,
// and minor and patch may be left out where there is no suffix.
func versionOf(v value) (semver, bool) {
	switch v.kind {
	case kString:
		return parseVersion(v.str)
	case kNumber:
		return parseVersion(string(appendNumber(nil, v.num)))
	}
	return semver{}, false
}

func parseVersion(s string) (v semver, ok bool) {
	const longest = 256 // that npm's semver reads; bounds the work
	if len(s) > longest {
		return v, false
	}
	if s != "" && (s[0] == 'v' || s[0] == 'V') {
		s = s[1:]
	}
	v.core = [3]string{"0", "0", "0"}
	for i := range v.core {
		n := digitsEnd(s, 0)
		if n == 0 || (s[0] == '0' && n > 1) {
			return v, false
		}
		if v.core[i], s = s[:n], s[n:]; i == 2 {
			break
		}
		if s == "" {
			return v, true
		}
		if s[0] != '.' {
			return v, false
		}
		s = s[1:]
	}
	return v.suffix(s)
}

// suffix reads -prerelease and +build.
func (v semver) suffix(s string) (semver, bool) {
	s, build, has := strings.Cut(s, "+")
	if has && !identifiers(build, false) {
		return v, false
	}
	if s == "" {
		return v, true
	}
	v.pre = s[1:]
	return v, s[0] == '-' && identifiers(v.pre, true)
}

// identifiers checks a dotted list; strict numbers have no leading zero.
func identifiers(s string, strict bool) bool {
	for more := true; more; {
		var id string
		id, s, more = strings.Cut(s, ".")
		if id == "" || (strict && len(id) > 1 && id[0] == '0' && numericID(id)) {
			return false
		}
		for i := range len(id) {
			if c := id[i]; c != '-' && (c < '0' || c > '9') && (c|' ' < 'a' || c|' ' > 'z') {
				return false
			}
		}
	}
	return true
}

func numericID(id string) bool { return digitsEnd(id, 0) == len(id) }

func (a semver) compare(b semver) int {
	for i := range a.core {
		if c := compareDigits(a.core[i], b.core[i]); c != 0 {
			return c
		}
	}
	switch {
	case a.pre == b.pre:
		return 0
	case a.pre == "":
		return 1
	case b.pre == "":
		return -1
	}
	return comparePre(a.pre, b.pre)
}

// compareDigits compares numbers without leading zeros.
func compareDigits(a, b string) int {
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// comparePre compares prereleases identifier by identifier: numbers by value and
// before words, a shorter list before a longer one that it begins.
func comparePre(a, b string) int {
	for {
		x, restA, moreA := strings.Cut(a, ".")
		y, restB, moreB := strings.Cut(b, ".")
		if c := compareID(x, y); c != 0 {
			return c
		}
		if !moreA || !moreB {
			return cmp.Compare(btoi(moreA), btoi(moreB))
		}
		a, b = restA, restB
	}
}

func compareID(a, b string) int {
	switch na, nb := numericID(a), numericID(b); {
	case na && nb:
		return compareDigits(a, b)
	case na != nb:
		return btoi(nb) - btoi(na)
	}
	return strings.Compare(a, b)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
