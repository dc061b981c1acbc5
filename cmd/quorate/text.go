package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode"
)

// clean makes text safe for a terminal and for one line: what comes from a
// server, a file or a person may hold sequences that move the cursor, change
// colours or turn the direction of writing.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s))
}

// plainCause is why a file could not be used, without the path, which the
// message has already.
func plainCause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// scalars is a value of a YAML file as the text of one value or of several.
func scalars(value any) ([]string, error) {
	switch v := value.(type) {
	case []any:
		var all []string
		for _, item := range v {
			one, err := scalars(item)
			if err != nil || len(one) != 1 {
				return nil, errors.New("a list in a list")
			}
			all = append(all, one...)
		}
		return all, nil
	case string, bool, int, int64, uint64, float64, json.Number:
		return []string{fmt.Sprint(v)}, nil
	}
	return nil, errors.New("not a plain value")
}
