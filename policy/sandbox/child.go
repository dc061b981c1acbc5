package sandbox

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"

	"github.com/quorate/quorate/policy"
	rules "github.com/quorate/quorate/policy/rego"
)

// maxInput is the most that a parent sends: two archives and some keys, in base64.
const maxInput = 4 * policy.MaxArchive

// Main is the child: it confines itself, reads a Request from standard input and
// writes its report to standard output. It returns the exit code.
func Main() int {
	if err := confine(); err != nil {
		return 3 // unconfined it does nothing
	}
	var r Request
	if err := json.NewDecoder(io.LimitReader(os.Stdin, maxInput)).Decode(&r); err != nil {
		return 2
	}
	out := json.NewEncoder(os.Stdout)
	report := inspect(context.Background(), r, func(p policy.Problem) {
		_ = out.Encode(line{At: &p}) // nobody listens any more: the parent is gone
	})
	if err := out.Encode(line{Report: &report}); err != nil {
		return 1
	}
	return 0
}

func inspect(ctx context.Context, r Request, at func(policy.Problem)) policy.Report {
	at(policy.Problem{Reason: "unpacking it"})
	files, err := policy.Unpack(r.Archive)
	if err != nil {
		return refused(err)
	}
	signer := ""
	if !r.Unsigned {
		at(policy.Problem{Reason: "verifying its signature"})
		if signer, err = policy.Verify(files, r.Keys); err != nil {
			return refused(err)
		}
	}
	var under fs.FS = rules.Law
	if r.Law != nil {
		if under, err = policy.Unpack(r.Law); err != nil {
			return refused(err)
		}
	}
	report := policy.Inspect(ctx, files, under, at)
	report.SignedBy = signer
	return report
}

func refused(err error) policy.Report { return policy.Report{Problems: policy.Problems(err, nil)} }
