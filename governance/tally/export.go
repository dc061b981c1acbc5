package tally

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf16"
)

// ExportFormat is the format this package writes and reads.
const ExportFormat = "quorate-tally/1"

// Export is everything that a count depends on and nothing else. Whoever holds
// it can count again.
type Export struct {
	Format  string `json:"format"`          // [ExportFormat]
	Title   string `json:"title,omitempty"` // for people; it is part of the digest
	Rule    string `json:"rule"`            // a name that [RuleNames] lists
	Version int    `json:"version"`         // of the rule; 0 means the current one
	Seats   int    `json:"seats,omitempty"` // rules that fill seats; 0 means 1
	Budget  Rat    `json:"budget,omitzero"` // rules that spend; in the unit of the costs
	Profile

	Portfolio *PortfolioRule `json:"portfolio,omitempty"` // budgets: options that the charter sets
	Motion    *MotionRule    `json:"motion,omitempty"`    // motions: what the charter demands
	Sitting   *Sitting       `json:"sitting,omitempty"`   // motions: who was in the chair, who stood aside
	Ranked    *RankedRule    `json:"ranked,omitempty"`    // rules that compare pairs
	Grades    *GradeRule     `json:"grades,omitempty"`    // score and majority judgment
	RCTab     *RCTabRules    `json:"rctab,omitempty"`     // RCTab counts only
}

// maxExport bounds what ReadExport reads: 256 MiB holds a ballot of every
// voter of a large city.
const maxExport = 256 << 20

// ReadExport reads an export written as JSON.
func ReadExport(r io.Reader) (Export, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxExport+1))
	if err != nil {
		return Export{}, err
	}
	if len(raw) > maxExport {
		return Export{}, errors.New("export is larger than 256 MiB")
	}
	var e Export
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return Export{}, fmt.Errorf("read export: %w", err)
	}
	if e.Format != ExportFormat {
		return Export{}, fmt.Errorf("export has format %q; this version reads %q", e.Format, ExportFormat)
	}
	return e, nil
}

// Canonical returns the export as canonical JSON (RFC 8785: sorted names, no
// spaces). Roll and ballots are put in the order of their keys first, so that
// the order in which a store returns them does not matter.
func (e Export) Canonical() ([]byte, error) {
	e.Roll = slices.Clone(e.Roll)
	slices.SortStableFunc(e.Roll, func(a, b Member) int { return cmp.Compare(a.Key, b.Key) })
	e.Ballots = slices.Clone(e.Ballots)
	slices.SortStableFunc(e.Ballots, func(a, b Ballot) int { return cmp.Compare(a.Key, b.Key) })
	return canonical(e)
}

// Digest returns "sha256:" and the digest of [Export.Canonical] in hexadecimal.
func (e Export) Digest() (string, error) {
	b, err := e.Canonical()
	return digest(b), err
}

// Digest returns "sha256:" and the digest of the result's canonical JSON: two
// counts agree if and only if their digests do.
func (r Result) Digest() (string, error) {
	b, err := canonical(r)
	return digest(b), err
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// canonical writes v as RFC 8785 does. The values of this package hold no
// fractional JSON numbers, so numbers need no canonical form of their own.
func canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	return appendCanonical(nil, tree), nil
}

func appendCanonical(b []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		return appendObject(b, v)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendCanonical(b, e)
		}
		return append(b, ']')
	case string:
		return appendString(b, v)
	case json.Number:
		return append(b, v...)
	case bool:
		return strconv.AppendBool(b, v)
	}
	return append(b, "null"...)
}

func appendObject(b []byte, m map[string]any) []byte {
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, k)
	}
	slices.SortFunc(names, func(x, y string) int {
		return slices.Compare(utf16.Encode([]rune(x)), utf16.Encode([]rune(y)))
	})
	b = append(b, '{')
	for i, k := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, k), ':')
		b = appendCanonical(b, m[k])
	}
	return append(b, '}')
}

// appendString escapes only what JSON demands.
func appendString(b []byte, s string) []byte {
	const short = "\b\f\n\r\t"
	b = append(b, '"')
	for _, r := range s {
		switch i := bytes.IndexByte([]byte(short), byte(r)); {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < 0x20 && i >= 0:
			b = append(b, '\\', "bfnrt"[i])
		case r < 0x20:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = append(b, string(r)...)
		}
	}
	return append(b, '"')
}
