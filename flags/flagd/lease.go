package flagd

import (
	"maps"
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/quorate/quorate/flags/eval"
)

// A capability that a rule made strict has a lease: it is off once its source has
// been silent for so long. Whoever asks is told so; whoever evaluates by itself is
// sent the end of the lease inside the definition, and a new one each third of it.

// recheck is how often a stream looks while leases have run out.
const recheckLapsed = time.Second

// evaluate gives a flag's value, as long as its lease lasts.
func (s sight) evaluate(f *served, facts eval.Context) eval.Result {
	if f.lease > 0 && s.silence >= f.lease {
		return f.Lapsed()
	}
	return f.Evaluate(facts, s.at)
}

// grant is up to when, in whole steps of a third of the shortest lease, the source
// of a view has spoken for it, and how long that stays so. All streams come to the
// same, so what they send is made once.
func (v *view) grant(at time.Time, silence time.Duration) (granted time.Time, next time.Duration) {
	if len(v.leases) == 0 {
		return time.Time{}, 0
	}
	step := max(int64(v.leases[0]/time.Second)/3, 1)
	spoke := at.Add(-min(silence, math.MaxInt64/2)).Unix()
	unix := spoke - spoke%step
	next = time.Duration(unix+step-spoke) * time.Second
	return time.Unix(unix, 0), max(next, recheckLapsed)
}

// lapsed counts the leases that a silence has outlasted.
func (v *view) lapsed(silence time.Duration) int {
	n, _ := slices.BinarySearch(v.leases, min(silence, math.MaxInt64-1)+1)
	return n
}

// untilLapse is when to look again whether a lease has run out or been renewed; 0
// is never.
func (v *view) untilLapse(silence time.Duration) time.Duration {
	n := v.lapsed(silence)
	switch {
	case len(v.leases) == 0:
		return 0
	case n > 0 || n == len(v.leases):
		return recheckLapsed
	}
	return max(v.leases[n]-silence, recheckLapsed/10)
}

// flipped is what a configuration_change tells when the number of leases that have
// run out went from one to another.
func (v *view) flipped(from, to int) *structpb.Struct {
	low, high := min(from, to), max(from, to)
	fields := map[string]*structpb.Value{}
	for key, f := range v.byKey {
		if f.lease > 0 && slices.Contains(v.leases[low:high], f.lease) {
			fields[key] = structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{"type": structpb.NewStringValue("update")}})
		}
	}
	return flagsStruct(fields)
}

// lapses is how many leases of each view had run out when a stream looked last.
type lapses map[*view]int

// look gives what a configuration_change tells, nil if no lease has run out or
// been renewed, and when to look again. A view that is new was told of already.
func (l lapses) look(now []*view, silence time.Duration) (data *structpb.Struct, next time.Duration) {
	fields := map[string]*structpb.Value{}
	for _, v := range now {
		n := v.lapsed(silence)
		if was, seen := l[v]; seen && was != n {
			maps.Copy(fields, v.flipped(was, n).GetFields()["flags"].GetStructValue().GetFields())
		}
		l[v] = n
		if until := v.untilLapse(silence); until > 0 && (next == 0 || until < next) {
			next = until
		}
	}
	maps.DeleteFunc(l, func(v *view, _ int) bool { return !slices.Contains(now, v) })
	return flagsStruct(fields), next
}
