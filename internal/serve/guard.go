package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// securityHeaders are those of every answer: the page takes nothing from elsewhere, and no other page may hold it.
var securityHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cache-Control":                "no-cache",
}

// guarded lets pass to h what may: on a loopback address only what is meant for this machine, so that a name that
// somebody else lets point to it opens no door; no request that another page makes a browser send.
func (s *Server) guarded(h http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range securityHeaders {
			w.Header().Set(name, value)
		}
		switch {
		case s.config.Token == "" && !ownHost(r.Host):
			writeError(w, &callError{403, "the header Host names another machine: use localhost or 127.0.0.1"})
		case origins.Check(r) != nil:
			writeError(w, &callError{403, "the request was made by a page of another origin"})
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// ownHost says whether a header Host names a loopback address.
func ownHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	return strings.EqualFold(name, "localhost") || Loopback(name)
}

// Loopback says whether an address, without a port, reaches this machine only.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// authorized asks for the token, if there is one.
func (s *Server) authorized(h http.Handler) http.Handler {
	if s.config.Token == "" {
		return h
	}
	want := sha256.Sum256([]byte(s.config.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(token)) // equal lengths, so that the time says nothing of the token
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeError(w, &callError{401, "the token is missing or wrong: send the header Authorization: Bearer TOKEN"})
			return
		}
		h.ServeHTTP(w, r)
	})
}
