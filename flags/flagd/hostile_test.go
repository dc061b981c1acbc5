package flagd_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	v2 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v2"
	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

const resolve = "/flagd.evaluation.v2.Service/ResolveBoolean"

// framed is a message as gRPC and Connect's streams frame it.
func framed(message string) string {
	head := make([]byte, 5)
	binary.BigEndian.PutUint32(head[1:], uint32(len(message)))
	return string(head) + message
}

func gzipped(t *testing.T, s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What nobody means well is answered with a clear error, and the next question
// with its answer.
func TestHostileInput(t *testing.T) {
	s := newSite(t)
	s.put("co", everyKind)
	deep := strings.Repeat(`{"a":`, 100) + `1` + strings.Repeat(`}`, 100)
	abyss := strings.Repeat(`{"a":`, 100_000) + `1` + strings.Repeat(`}`, 100_000)
	large := `{"flagKey":"on","context":{"x":"` + strings.Repeat("x", 1<<20) + `"}}`
	bomb := gzipped(t, `{"flagKey":"`+strings.Repeat("x", 64<<20)+`"}`)
	h1, h2 := client(t, false, nil), client(t, true, nil)
	for _, c := range []struct {
		name, contentType, body string
		want                    string
		headers                 []string
	}{
		{"no body", "application/json", "", "invalid_argument", nil},
		{"no JSON", "application/json", "hello", "invalid_argument", nil},
		{"a list", "application/json", "[]", "invalid_argument", nil},
		{"a context that is no object", "application/json", `{"flagKey":"on","context":7}`, "invalid_argument", nil},
		{"1 MB and more", "application/json", large, "resource_exhausted", nil},
		{"a deep context", "application/json", `{"flagKey":"on","context":` + deep + `}`, "invalid_argument", nil},
		{"an abyss", "application/json", `{"flagKey":"on","context":` + abyss + `}`, "invalid_argument", nil},
		{"a bomb", "application/json", bomb, "resource_exhausted", []string{"Content-Encoding", "gzip"}},
		{"no gzip", "application/json", "hello", "invalid_argument", []string{"Content-Encoding", "gzip"}},
		{"garbage protobuf", "application/proto", "\xff\xff\xff\xff\xff\xff", "invalid_argument", nil},
		{"invalid UTF-8", "application/proto", "\x0a\x02\xff\xfe", "invalid_argument", nil},
		{"a key of 100 KB", "application/json", `{"flagKey":"` + strings.Repeat("k", 100<<10) + `"}`, "not_found", nil},
	} {
		for _, http := range []struct {
			name string
			do   func() (int, string)
		}{
			{"HTTP/1.1", func() (int, string) {
				n, _, raw := s.post(h1, resolve, c.contentType, c.body, c.headers...)
				return n, raw
			}},
			{"h2c", func() (int, string) {
				n, _, raw := s.post(h2, resolve, c.contentType, c.body, c.headers...)
				return n, raw
			}},
		} {
			status, raw := http.do()
			code, _ := decoded(t, raw)["code"].(string)
			if code != c.want || status < 400 || len(raw) > 1000 {
				t.Errorf("%s over %s: %d %.300s", c.name, http.name, status, raw)
			}
		}
	}
	for name, body := range map[string]string{
		"garbage":                     framed("\xff\xff\xff\xff"),
		"a length that is a lie":      "\x00\x7f\xff\xff\xff" + "x",
		"a compressed message as not": "\x01\x00\x00\x00\x03abc",
		"half a frame":                "\x00\x00",
		"nothing":                     "",
		"1 MB and more":               framed("\x0a\x80\x80\x80\x01" + strings.Repeat("x", 2<<20)),
	} {
		status, header, _ := s.post(h2, resolve, "application/grpc", body)
		if status != 200 || header.Get("Grpc-Status") == "0" || header.Get("Grpc-Status") == "" {
			t.Errorf("gRPC, %s: %d, grpc-status %q", name, status, header.Get("Grpc-Status"))
		}
	}
	if n, _, raw := s.post(h1, resolve, "application/json", `{"flagKey":"on"}`); n != 200 || decoded(t, raw)["value"] != true {
		t.Errorf("afterwards: %d %s", n, raw)
	}
	if n, _, _ := s.post(h1, "/nowhere", "application/json", `{}`); n != 404 {
		t.Errorf("another path: %d", n)
	}
	if n, _, _ := s.post(h1, resolve, "text/html", `{}`); n != 415 {
		t.Errorf("another content type: %d", n)
	}
}

// What JSON cannot say but protobuf can is absent, in a context.
func TestWhatJSONCannotSayIsAbsent(t *testing.T) {
	s := newSite(t)
	s.put("co", `{"odd": {"state": "ENABLED", "variants": {"absent": "absent", "there": "there"}, "targeting": {"if": [{"missing": ["x"]}, "absent", "there"]}}}`)
	w := ways(t)[0]
	for name, value := range map[string]*structpb.Value{
		"no kind": {}, "NaN": structpb.NewNumberValue(math.NaN()), "infinity": structpb.NewNumberValue(math.Inf(1)), "null": structpb.NewNullValue(),
	} {
		r, err := w.v2(s.url).ResolveString(limited(t), request(&v2.ResolveStringRequest{FlagKey: "odd", Context: &structpb.Struct{Fields: map[string]*structpb.Value{"x": value}}}))
		if err != nil || r.Msg.GetValue() != "absent" {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
	deep := structpb.NewNumberValue(1)
	for range 500 {
		deep = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{deep}})
	}
	_, err := w.v2(s.url).ResolveString(limited(t), request(&v2.ResolveStringRequest{FlagKey: "odd", Context: &structpb.Struct{Fields: map[string]*structpb.Value{"x": deep}}}))
	if connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("500 lists in one another: %v", err)
	}
}

// Who sends half a request and waits is let go.
func TestHalfARequestDoesNotHoldAConnection(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("POST " + resolve + " HTTP/1.1\r\nHost: x\r\nContent-Le")); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(8 * time.Second))
	if _, err := io.ReadAll(c); err != nil {
		t.Errorf("after 8 s the connection still waits: %v", err)
	}
}

// FuzzResolve sends whatever comes to both codecs of each method, with whatever
// selector: no panic, no answer that is none of the protocol, none for another
// region.
func FuzzResolve(f *testing.F) {
	good, err := proto.Marshal(&v2.ResolveBooleanRequest{FlagKey: "rule", Context: &structpb.Struct{Fields: map[string]*structpb.Value{"who": structpb.NewStringValue("me")}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, true, uint8(0), "")
	f.Add([]byte(`{"flagKey":"rule","context":{"who":["me",null,{"a":1e400}]}}`), false, uint8(1), "flagSetId=co")
	f.Add([]byte("\x0a\x04rule\x12\xff\xff\xff\xff\x0f"), true, uint8(2), "flagSetId=co,source=x")
	f.Add([]byte(`{"context":{"a":{"a":{"a":[[[[]]]]}}}}`), false, uint8(6), "source=flags.json")
	f.Add([]byte(`{"selector":"flagSetId=hi"}`), false, uint8(7), "")
	s := newSite(f)
	s.put("co", everyKind)
	c := client(f, false, nil)
	f.Fuzz(func(t *testing.T, body []byte, binary bool, method uint8, selector string) {
		contentType, headers := "application/json", []string{}
		if binary {
			contentType = "application/proto"
		}
		if selector = strings.TrimSpace(selector); selector != "" && !strings.ContainsFunc(selector, func(r rune) bool { return r < ' ' || r > '~' }) {
			headers = []string{"Flagd-Selector", selector}
		}
		here := *s
		here.t = t
		status, header, raw := here.post(c, methods[int(method)%len(methods)], contentType, string(body), headers...)
		switch {
		case status == 200 && header.Get("Content-Type") != contentType:
			t.Errorf("answered as %s", header.Get("Content-Type"))
		case status == 200 && len(headers) > 0 && selector != "flagSetId=co":
			t.Errorf("the selector %q is answered", selector)
		case status != 200 && decoded(t, raw)["code"] == nil:
			t.Errorf("%d %q", status, raw)
		case status == 500 && !strings.Contains(raw, "data_loss") && !strings.Contains(raw, `"unknown"`):
			t.Errorf("an internal error: %q", raw)
		}
	})
}

// methods are those that answer one question with one answer.
var methods = []string{resolve, "/flagd.evaluation.v2.Service/ResolveObject", "/flagd.evaluation.v2.Service/ResolveInt", "/flagd.evaluation.v1.Service/ResolveString",
	"/flagd.evaluation.v1.Service/ResolveFloat", "/flagd.evaluation.v1.Service/ResolveObject", "/flagd.evaluation.v1.Service/ResolveAll", "/flagd.sync.v1.FlagSyncService/FetchAllFlags"}
