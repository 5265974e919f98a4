//go:build linux

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/bench/trial"
	"github.com/unroll-ml/unroll/internal/catalog"
)

// server serves one file in different ways: cut off after some bytes, changed in between, other than it should be.
type server struct {
	data     []byte
	cutAfter int          // bytes of each answer, then the connection breaks; 0: never
	asked    atomic.Int32 // answers
	change   func(answer int, data []byte) []byte
	noRange  bool
}

func (s *server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	n := int(s.asked.Add(1))
	data := s.data
	if s.change != nil {
		data = s.change(n, append([]byte{}, data...))
	}
	if s.noRange {
		req.Header.Del("Range")
	}
	if s.cutAfter > 0 {
		w = &cut{w, s.cutAfter}
	}
	http.ServeContent(w, req, "", time.Time{}, strings.NewReader(string(data)))
}

// cut breaks a connection after some bytes of a body.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	if len(p) > c.left {
		c.ResponseWriter.Write(p[:c.left])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

// downloads gets a file from servers that fail, with package catalog, and lets the command meet one that lies.
func downloads(h *harness, r *record) {
	r.what = "checks"
	data := make([]byte, 300_000)
	rand.Read(data)
	sum := sha256.Sum256(data)
	for _, c := range []struct {
		name   string
		server *server
		ok     bool
		tries  int // at least so many answers
	}{
		{"at once", &server{data: data}, true, 1},
		{"cut off every 70,000 bytes", &server{data: data, cutAfter: 70_000}, true, 5},
		{"cut off, and no ranges: it never ends", &server{data: data, cutAfter: 70_000, noRange: true}, false, 4},
		{"changed in between, then whole", &server{data: data, change: func(n int, d []byte) []byte {
			if n == 1 {
				clear(d[:1000])
				return d[:150_000]
			}
			return d
		}}, false, 1},
		{"another file", &server{data: data, change: func(_ int, d []byte) []byte { d[5]++; return d }}, false, 1},
		{"a byte too few", &server{data: data[1:]}, false, 1},
		{"a byte too many", &server{data: append(data, 0)}, false, 1},
		{"far too many bytes", &server{data: make([]byte, 3_000_000)}, false, 1},
	} {
		web := httptest.NewServer(c.server)
		folder := h.path(strings.ReplaceAll(c.name, " ", "-"))
		store := &catalog.Store{Dir: folder, Pause: time.Millisecond, Stall: 5 * time.Second}
		set := &catalog.Set{Name: "x", Files: []catalog.File{
			{Name: "x.bin", Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), URLs: []string{web.URL}},
		}}
		err := store.Get(context.Background(), set)
		web.Close()
		installed := trial.Exists(h.path(strings.ReplaceAll(c.name, " ", "-"), "x", "x.bin"))
		var wrong *datasets.Error
		var network *catalog.NetworkError
		r.check((err == nil) == c.ok && installed == c.ok && int(c.server.asked.Load()) >= c.tries &&
			(err == nil || errors.As(err, &wrong) || errors.As(err, &network)),
			"%s: %v after %d answers, installed: %v", c.name, err, c.server.asked.Load(), installed)
	}
	// Broken off, and taken up by another process.
	folder := h.path("again")
	broken := &server{data: data, cutAfter: 100_000, noRange: true}
	var part atomic.Int32
	whole := &server{data: data}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if part.Load() == 0 {
			broken.ServeHTTP(w, req)
			return
		}
		r.check(strings.HasPrefix(req.Header.Get("Range"), "bytes=1"), "the second process asks for %q",
			req.Header.Get("Range"))
		whole.ServeHTTP(w, req)
	}))
	defer web.Close()
	set := &catalog.Set{Name: "x", Files: []catalog.File{
		{Name: "x.bin", Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), URLs: []string{web.URL}},
	}}
	store := &catalog.Store{Dir: folder, Pause: time.Millisecond}
	r.check(store.Get(context.Background(), set) != nil, "a download that was broken off succeeded")
	part.Store(1)
	r.must((&catalog.Store{Dir: folder, Pause: time.Millisecond}).Get(context.Background(), set))
	h.lie(r)
}

// lie lets the command download from a server that has another file under every address: it stands in for the network.
func (h *harness) lie(r *record) {
	proxy, certificate, err := impostor(&server{data: []byte(trial.Rhyme(100))})
	if !r.must(err) {
		return
	}
	defer proxy.Close()
	h.write("ca.pem", certificate)
	for _, set := range []string{"makemore_names", "names18"} {
		o := h.shell(fmt.Sprintf("HTTPS_PROXY=http://%s SSL_CERT_FILE=%s UNROLL_DATA=%s unroll data get %s", proxy.Addr(),
			h.path("ca.pem"), h.path("data"), set))
		r.ended(o, exitData, "nothing was installed")
		entries, _ := os.ReadDir(h.path("data", set))
		r.check(len(entries) == 0, "%s: it left %v", set, entries)
	}
	o := h.shell(fmt.Sprintf("HTTPS_PROXY=http://127.0.0.1:1 UNROLL_DATA=%s unroll data get makemore_names",
		h.path("data")))
	r.ended(o, exitIO, "check the network and repeat the command")
}

// impostor is a proxy that answers in the name of any server, and the certificate that one must trust to believe it.
func impostor(handler http.Handler) (net.Listener, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "faults"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	authority, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, "", err
	}
	sign := func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		leaf := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{hello.ServerName},
			NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, leaf, template, key.Public(), key)
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	pipes := &pipeListener{connections: make(chan net.Conn), addr: listener.Addr()}
	go (&http.Server{Handler: handler}).Serve(tls.NewListener(pipes, &tls.Config{GetCertificate: sign}))
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodConnect {
			http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
			return
		}
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		connection.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
		pipes.connections <- connection
	}))
	return listener, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority})), nil
}

// pipeListener gives a server connections that were accepted elsewhere.
type pipeListener struct {
	connections chan net.Conn
	addr        net.Addr
}

func (l *pipeListener) Accept() (net.Conn, error) { return <-l.connections, nil }
func (l *pipeListener) Close() error              { return nil }
func (l *pipeListener) Addr() net.Addr            { return l.addr }
