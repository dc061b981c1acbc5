package ofrep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// state names what a region's values rest on besides the context: their newest
// revision, and behind it what changes them without one. It is the same on every
// replica, and the id of an event.
//
//	4711          as of revision 4711
//	4711.2        past the second moment at which the clock changes a value
//	4711-stale    the store is silent
//	4711-stale-2  so long that two leases have run out
func state(s State, region string, at time.Time, stale bool, lapsed int) string {
	id := strconv.FormatInt(s.RegionRevision(region), 10)
	if stage := s.TimeStage(region, at); stage > 0 {
		id += "." + strconv.Itoa(stage)
	}
	if stale {
		id += "-stale"
	}
	if lapsed > 0 {
		id += "-" + strconv.Itoa(lapsed)
	}
	return id
}

// etag depends on everything that the answer depends on: the region's values, the
// context, and since when they are stale. It needs no evaluation.
func (q *question) etag() (string, error) {
	canonical, err := json.Marshal(q.context) // names sorted: some languages send them in any order
	if err != nil {
		return "", err
	}
	h := sha256.New()
	h.Write([]byte(q.region + "\n" + state(q.state, q.region, q.at, q.stale, q.flags.lapsed(q.silence)) + "\n"))
	if q.stale {
		h.Write(q.since.UTC().AppendFormat(nil, time.RFC3339))
	}
	h.Write([]byte{'\n'})
	h.Write(canonical)
	return `"` + hex.EncodeToString(h.Sum(nil)[:16]) + `"`, nil
}

// matches compares weakly, as RFC 9110 asks of If-None-Match.
func matches(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == "*" || candidate == tag {
			return true
		}
	}
	return false
}

// maxCatchUp is how long a request waits for this replica to see a change of
// which another one has told the client.
const maxCatchUp = time.Second

// catchUp waits until this replica is as new as the event that made the client
// ask, which it passes on as flagConfigEtag. Behind a load balancer the event may
// come from a replica that is a moment ahead, and the client would be told that
// nothing has changed.
func (h *Handler) catchUp(q *question, r *http.Request) {
	if r.URL.RawQuery == "" {
		return
	}
	id, _, _ := strings.Cut(r.URL.Query().Get("flagConfigEtag"), "-")
	id, _, _ = strings.Cut(id, ".")
	revision, err := strconv.ParseInt(id, 10, 64)
	if err != nil || revision <= q.state.Newest() || q.stale {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxCatchUp)
	defer cancel()
	_ = h.source.Wait(ctx, revision) // if it is not seen, the client is answered from what there is
	if s := h.source.State(); s.HasRegion(q.region) {
		q.state, q.flags = s, h.table(s, q.region)
	}
}
