package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"inv/inspect/dashboard"
)

// behind returns a reverse proxy that serves a dashboard in a folder.
func behind(t *testing.T, to, folder string) string {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	mux := http.NewServeMux()
	mux.Handle(folder, http.StripPrefix(strings.TrimSuffix(folder, "/"), proxy))
	mux.HandleFunc("/favicon.ico", func(http.ResponseWriter, *http.Request) {})
	server := httptest.NewServer(mux)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL + folder
}

// Everything works behind a proxy that serves the page in a folder, with a token.
func TestPageBehindAProxyPath(t *testing.T) {
	t.Parallel()
	c := newCounter(t, dashboard.Access{Token: "secret"})
	c.product(lamp("a"))
	c.stage(dashboard.LoadingDone)
	b := browse(t, behind(t, c.url, "/tools/stock/"))
	b.open("?token=secret#/product/a")
	b.until(`document.querySelector("#detail-title")?.textContent === "Lamp a" && document.querySelector("#connection").dataset.state === "live"`)
	if at := evaluate[string](b, `location.pathname + location.search`); at != "/tools/stock/" {
		t.Errorf("the address is %s, want the folder without the token", at)
	}
	evaluate[bool](b, `document.querySelector("#back").click() === undefined`)
	b.until(`document.querySelector("tr.row a")?.textContent === "Lamp a"`)
	for what, expression := range map[string]string{
		"the style is loaded":  `getComputedStyle(document.querySelector(".skip")).position === "absolute"`,
		"the API is linked":    `document.querySelector(".foot a").href === location.origin + "/tools/stock/api/openapi.yaml"`,
		"the icon is in there": `document.querySelector("link[rel=icon]").href.startsWith(location.origin + "/tools/stock/")`,
	} {
		if !evaluate[bool](b, expression) {
			t.Errorf("%s: false", what)
		}
	}
	b.open("")
	b.until(`document.querySelector("#connection").dataset.state === "live"`) // by the cookie
}
