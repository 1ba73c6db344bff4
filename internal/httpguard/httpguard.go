// Package httpguard decides which requests a small HTTP server of a process answers.
// Such a server has no users of its own; it must not be read by other sites that a
// browser visits, nor by anyone in the network who was not given its token.
package httpguard

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
)

// HostAllowed reports whether a Host header is an IP address, localhost or one of
// names. DNS rebinding, by which a site makes a browser send it what a local server
// answers, needs another name.
func HostAllowed(hostport string, names []string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return strings.EqualFold(host, "localhost") || contains(names, host)
}

func contains(names []string, host string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, host) })
}

// LocalNames returns the names by which others reach a server that listens on address:
// the address's own and this machine's.
func LocalNames(address string) (names []string) {
	if host, _, err := net.SplitHostPort(address); err == nil && host != "" {
		names = append(names, host)
	}
	if name, err := os.Hostname(); err == nil {
		names = append(names, name)
	}
	return names
}

// SameOrigin reports whether a request is not from another site according to the
// browser. Links to page, a path or "", are allowed. Where the browser says so itself,
// the Host does not count, since many proxies replace it; otherwise the origin must be
// the Host or one of names.
func SameOrigin(r *http.Request, page string, names []string) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return true
	case "cross-site", "same-site":
		return r.URL.Path == page && r.Header.Get("Sec-Fetch-Mode") == "navigate"
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && (strings.EqualFold(u.Host, r.Host) || u.Hostname() != "" && contains(names, u.Hostname()))
}

// Bearer returns the token in a request's Authorization header.
func Bearer(r *http.Request) (token string, ok bool) {
	return strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// SameToken compares tokens in a time that tells nothing about them.
func SameToken(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
