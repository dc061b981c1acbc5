package flags

import (
	"unicode"
	"unicode/utf8"
)

// plainText reports whether s is text for people of 1 to limit characters,
// without control characters, which could forge lines in a log or a terminal.
func plainText(s string, limit int) bool {
	if s == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > limit {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) && r != '\n' {
			return false
		}
	}
	return true
}

// CheckReason demands a reason: it is what other regions, and an auditor years
// later, will read.
func CheckReason(reason string) error {
	if !plainText(reason, 1000) {
		return bad("/reason", reason, "say why in 1 to 1,000 printable characters")
	}
	return nil
}
