package api_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/api"
)

// keyPair makes a certificate of that name, in two files.
func keyPair(t *testing.T, dir, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "tls.pem"), filepath.Join(dir, "tls.key")
	write(t, certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
	return certFile, keyFile
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve serves behind a front until the test ends.
func serve(t *testing.T, f api.Front, handler http.HandlerFunc, secure *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.Log = slog.New(slog.DiscardHandler)
	server := api.NewHTTPServer(handler)
	server.TLSConfig = secure
	ended := make(chan error, 1)
	go func() { ended <- f.Serve(server, l) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; err != nil {
			t.Errorf("serving ended with %v", err)
		}
	})
	return l.Addr().String()
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

// subject connects anew and says whose certificate was shown, over which protocol.
func subject(t *testing.T, address string) (name, proto string, header http.Header) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true} // what is shown is what is tested
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Get("https://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.TLS.PeerCertificates[0].Subject.CommonName, resp.Proto, resp.Header
}

func TestACertificateIsRenewedWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := keyPair(t, dir, "first")
	var passed atomic.Int64 // seconds on the certificate's clock
	now := func() time.Time { return time.Unix(1_800_000_000+passed.Load(), 0) }
	cert, err := api.LoadCertificate(certFile, keyFile, now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	address := serve(t, api.Front{}, hello, cert.TLS())
	name, proto, header := subject(t, address)
	if name != "first" || proto != "HTTP/2.0" || !strings.HasPrefix(header.Get("Strict-Transport-Security"), "max-age=") {
		t.Fatalf("first: %s over %s, %v", name, proto, header)
	}

	next := t.TempDir()
	nextCert, nextKey := keyPair(t, next, "second")
	replace := func(from, to string) {
		t.Helper()
		raw, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		write(t, to, raw)
		later := time.Now().Add(time.Duration(passed.Add(10)) * time.Second) // however coarse the clock of the files is
		if err := os.Chtimes(to, later, later); err != nil {
			t.Fatal(err)
		}
	}
	replace(nextCert, certFile)
	if name, _, _ := subject(t, address); name != "first" {
		t.Errorf("half replaced, %s is shown", name)
	}
	replace(nextKey, keyFile)
	if name, _, _ := subject(t, address); name != "second" {
		t.Errorf("replaced, %s is shown", name)
	}
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	passed.Add(10)
	if name, _, _ := subject(t, address); name != "second" {
		t.Errorf("without its file, %s is shown", name)
	}
	if _, err := api.LoadCertificate(certFile, keyFile, now, nil); err == nil || !strings.Contains(err.Error(), keyFile) {
		t.Errorf("a start without the key: %v", err)
	}
}

// A page whose name was made to resolve to the server sends that name.
func TestByWhichNamesAServerMayBeCalled(t *testing.T) {
	address := serve(t, api.Front{Hosts: []string{"Quorate.example.org:443", "*.health.example"}}, hello, nil)
	for host, want := range map[string]int{
		address: 200, "localhost": 200, "LOCALHOST:8080": 200, "127.0.0.1": 200, "[::1]:8080": 200, "10.1.2.3:80": 200,
		"quorate.example.org": 200, "QUORATE.example.org.": 200, "quorate.example.org:8443": 200, "co.health.example": 200,
		"attacker.example": 421, "attacker.example:8080": 421, "localhost.attacker.example": 421, "127.0.0.1.nip.io": 421,
		"health.example": 421, "health.example.attacker.example": 421, "quorate.example.org.attacker.example": 421,
		"0x7f000001": 421, "2130706433": 421, "user@localhost": 421, "localhost:80:80": 421,
	} {
		raw := fmt.Sprintf("GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)
		status, body := ask(t, address, raw)
		if status == 400 && want == 421 { // net/http refuses what is no host at all
			continue
		}
		if status != want || want == 421 && !strings.Contains(body, "host_not_allowed") {
			t.Errorf("called %q: %d %s, want %d", host, status, body, want)
		}
	}
}

// ask sends bytes as they are and reads one answer; 0: the connection was closed.
func ask(t *testing.T, address, raw string) (status int, body string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, raw); err != nil {
		return 0, err.Error()
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body) // what there is of it
	return resp.StatusCode, string(b)
}

func TestAHeaderThatStandsTwiceIsRefused(t *testing.T) {
	address := serve(t, api.Front{}, hello, nil)
	for headers, want := range map[string]int{
		"Authorization: Bearer a\r\n":                                   200,
		"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n":        400,
		"Authorization: Bearer a\r\nauthorization: Bearer a\r\n":        400,
		"X-API-Key: a\r\nx-api-key: b\r\n":                              400,
		"Idempotency-Key: a\r\nIdempotency-Key: b\r\n":                  400,
		"Origin: http://a\r\nOrigin: http://b\r\n":                      400,
		"Content-Length: 0\r\nContent-Length: 5\r\n":                    400,
		"Host: localhost\r\n":                                           400,
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n": 501,
		"Accept: a\r\nAccept: b\r\n":                                    200,
	} {
		raw := "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + "\r\n"
		if status, body := ask(t, address, raw); status != want && (want == 200 || status < 400) {
			t.Errorf("%q: %d %s, want %d", headers, status, body, want)
		}
	}
}

// get asks over a connection of its own, from an address of this host.
func get(from, address string) (string, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, address)
	}}
	resp, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Get("http://" + address + "/")
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// hold opens connections that send a part of a request, or nothing, and no more.
func hold(t *testing.T, address string, n int, sent string) []net.Conn {
	t.Helper()
	var held []net.Conn
	for range n {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatalf("after %d connections: %v", len(held), err)
		}
		_, _ = io.WriteString(c, sent) // it may have been closed for a later one
		held = append(held, c)
	}
	t.Cleanup(func() {
		for _, c := range held {
			_ = c.Close()
		}
	})
	return held
}

// However many connections say nothing, whoever asks is answered, and the oldest
// of the silent ones have to go.
func TestWhoeverAsksIsAnsweredWhateverTheSilentDo(t *testing.T) {
	for what, sent := range map[string]string{"nothing": "", "a part of a request": "GET / HTTP/1.1\r\nHost: local"} {
		for where, limits := range map[string]api.Limits{
			"of one address":   {Connections: 1000, Silent: 50},
			"of all addresses": {Connections: 60, PerAddress: 60, Silent: 1000},
		} {
			t.Run(what+" "+where, func(t *testing.T) {
				address := serve(t, api.Front{Limits: limits}, hello, nil)
				held := hold(t, address, 300, sent)
				for range 20 {
					if body, err := get("127.0.0.1", address); err != nil || body != "hello" {
						t.Fatalf("a good client got %q, %v", body, err)
					}
				}
				_ = held[0].SetReadDeadline(time.Now().Add(20 * time.Second))
				if _, err := held[0].Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
					t.Errorf("the oldest silent connection is still there: %v", err)
				}
			})
		}
	}
}

// One address cannot take all the room, even with requests.
func TestOneAddressHasItsShareOfConnections(t *testing.T) {
	busy := make(chan struct{})
	address := serve(t, api.Front{Limits: api.Limits{Connections: 20, PerAddress: 10}}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			w.(http.Flusher).Flush()
			select {
			case <-busy:
			case <-r.Context().Done():
			}
			return
		}
		hello(w, r)
	}, nil)
	defer close(busy)
	var held []net.Conn
	for range 10 {
		c := hold(t, address, 1, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")[0]
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err != nil { // it is being served
			t.Fatal(err)
		}
		held = append(held, c)
	}
	if _, err := get("127.0.0.1", address); err == nil {
		t.Error("an eleventh connection of the address was let in")
	}
	if body, err := get("127.0.0.2", address); runtime.GOOS == "linux" && (err != nil || body != "hello") { // elsewhere it is no address of the host
		t.Errorf("another address got %q, %v", body, err)
	}
	_ = held[0].Close()
	deadline := time.Now().Add(20 * time.Second)
	for {
		if body, err := get("127.0.0.1", address); err == nil && body == "hello" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a place that was given back is not given to another")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
