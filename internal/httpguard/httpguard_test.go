package httpguard

import (
	"net/http/httptest"
	"os"
	"slices"
	"testing"
)

func TestHostAllowed(t *testing.T) {
	names := []string{"Stock.example", "shop"}
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:80": true, "10.1.2.3:9464": true, "[::1]:80": true, "::1": true, "[fe80::1%eth0]": true,
		"localhost": true, "LocalHost:1": true, "stock.EXAMPLE:1": true, "shop": true,
		"": false, ":80": false, "evil.example": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false, "stock.example.evil": false,
		"2130706433": false, "0x7f.1": false, "localhost.": false,
	} {
		if HostAllowed(host, names) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	for _, c := range []struct {
		path, origin, site, mode string
		want                     bool
	}{
		{"/x", "", "", "", true},
		{"/x", "http://here:80", "", "", true},
		{"/x", "https://Stock.example", "", "", true},
		{"/x", "https://evil.example", "", "", false},
		{"/x", "null", "", "", false},
		{"/x", "::", "", "", false},
		{"/x", "https://evil.example", "same-origin", "cors", true},
		{"/x", "", "none", "navigate", true},
		{"/x", "", "cross-site", "no-cors", false},
		{"/x", "", "cross-site", "navigate", false},
		{"/", "", "cross-site", "navigate", true},
		{"/", "", "same-site", "cors", false},
		{"/x", "http://here:80", "same-site", "cors", false},
	} {
		r := httptest.NewRequest("GET", "http://here:80"+c.path, nil)
		for name, value := range map[string]string{"Origin": c.origin, "Sec-Fetch-Site": c.site, "Sec-Fetch-Mode": c.mode} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		if SameOrigin(r, "/", []string{"stock.example"}) != c.want {
			t.Errorf("%+v: %v", c, !c.want)
		}
	}
}

func TestTokens(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	if _, ok := Bearer(r); ok {
		t.Error("a request without a header has a token")
	}
	r.Header.Set("Authorization", "Basic eDp5")
	if _, ok := Bearer(r); ok {
		t.Error("a password is a token")
	}
	r.Header.Set("Authorization", "Bearer secret")
	if token, ok := Bearer(r); !ok || !SameToken(token, "secret") || SameToken(token, "secre") || SameToken("", "secret") {
		t.Errorf("the token is %q, %v", token, ok)
	}
}

func TestLocalNames(t *testing.T) {
	machine, err := os.Hostname()
	if err != nil {
		t.Skip(err)
	}
	for address, want := range map[string][]string{"inv.lan:80": {"inv.lan", machine}, ":80": {machine}, "nonsense": {machine}} {
		if got := LocalNames(address); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
