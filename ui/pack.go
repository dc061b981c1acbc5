package ui

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
)

// packers are kept, since each needs a good part of a megabyte.
var packers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// worthPacking is the size below which packing saves less than it costs.
const worthPacking = 1400

// packed compresses what is sent to whoever takes it, and says so in the headers. It
// MUST NOT be given what holds a secret together with something that somebody else
// chose: the length of the whole would tell one from the other.
func packed(w http.ResponseWriter, r *http.Request, body []byte) []byte {
	w.Header().Add("Vary", "Accept-Encoding")
	if len(body) < worthPacking || !takesGzip(r.Header.Get("Accept-Encoding")) {
		return body
	}
	var b bytes.Buffer
	z := packers.Get().(*gzip.Writer)
	defer packers.Put(z)
	z.Reset(&b)
	if _, err := z.Write(body); err != nil { // a buffer takes everything
		return body
	}
	if err := z.Close(); err != nil {
		return body
	}
	w.Header().Set("Content-Encoding", "gzip")
	return b.Bytes()
}

// takesGzip reads an Accept-Encoding, in which gzip;q=0 refuses it.
func takesGzip(accept string) bool {
	for _, one := range strings.Split(accept, ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(one), ";")
		if name == "gzip" || name == "*" {
			q = strings.ReplaceAll(q, " ", "")
			return q != "q=0" && !strings.HasPrefix(q, "q=0.000")
		}
	}
	return false
}
