package dashboard

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafka/fetch"

	"gopkg.in/yaml.v3"
)

// shop is a server with a hub that a test fills by hand.
type shop struct {
	*story
	hub    *Hub
	server *httptest.Server
}

func newShop(t *testing.T, access Access) *shop {
	hub := NewHub("order_events", nowTime)
	hub.SetOutputs(outputs(t))
	s := &shop{hub: hub, story: &story{t: t, Model: hub.model}}
	s.server = httptest.NewServer(NewHandler(hub, access))
	t.Cleanup(s.server.Close)
	return s
}

// publish publishes by the clock until the test ends.
func (s *shop) publish(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.hub.Publish(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
}

// tell changes the model and publishes it.
func (s *shop) tell(edit func()) {
	s.hub.Update(func(*Model) { edit() })
	s.hub.publish()
}

func (s *shop) fill() {
	s.tell(func() {
		for i := range 12 {
			s.product(fmt.Sprint("p", i))
		}
		for i := range int64(12) {
			s.apply(s.update(fmt.Sprint("p", i), 1, i*3, 2))
		}
		s.Apply(s.reorder("p1", "reorder-p1-1", now-5000), now)
		a := event.Alert{AlertID: "alert-p1-1", ProductID: "p1", ProductName: "<script>alert(1)</script>", CurrentStock: 3, Threshold: 5, Timestamp: now}
		s.Apply(s.record(Alerts, "inventory_alerts", "p1", string(event.AppendAlert(nil, &a))), now)
		dead := &fetch.Record{Topic: "order_events.dlq"}
		dead.SetHeaders([]fetch.Header{{Key: "dlq-reason", Value: []byte("not-json")}, {Key: "dlq-topic", Value: []byte("order_events")},
			{Key: "dlq-message", Value: []byte("it is no JSON")}})
		s.Apply(&Record{DeadLetters, dead}, now)
		s.Apply(s.record(Updates, "inventory_updates", "p1", "not json"), now)
		s.Apply(s.alertOf("cust-1", "hold", now), now)
		s.SetStatus(Status{AsOf: now, Lag: []Lag{{Group: "inv-ledger", Known: true, Exact: true}}})
	})
}

func (s *shop) get(path string, headers ...string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), "GET", s.server.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
		if name == "Host" {
			req.Host = value
		}
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// Every response has exactly the fields that openapi.yaml describes.
func TestResponsesMatchOpenAPI(t *testing.T) {
	source, err := files.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var api map[string]any
	if err := yaml.Unmarshal(source, &api); err != nil {
		t.Fatal(err)
	}
	if v := dig(api, "info", "version"); v != fmt.Sprint(APIVersion) {
		t.Errorf("openapi.yaml has version %v, want %d", v, APIVersion)
	}
	s := newShop(t, Access{})
	s.fill()
	for _, c := range []struct{ template, path, code string }{
		{"/api/products", "/api/products?limit=200", "200"},
		{"/api/products", "/api/products?severity=out&q=zzz", "200"},
		{"/api/products", "/api/products?limit=5000", "400"},
		{"/api/products/{id}", "/api/products/p1", "200"},
		{"/api/products/{id}", "/api/products/nobody", "404"},
		{"/api/alerts", "/api/alerts?product=p1", "200"},
		{"/api/alerts", "/api/alerts?limit=x", "400"},
		{"/api/reorders", "/api/reorders", "200"},
		{"/api/reorders", "/api/reorders?limit=-1", "400"},
		{"/api/summary", "/api/summary", "200"},
		{"/api/events", "/api/events?sort=colour", "400"},
	} {
		resp := s.get(c.path)
		if got := fmt.Sprint(resp.StatusCode); got != c.code {
			t.Errorf("GET %s: %s, want %s", c.path, resp.Status, c.code)
			continue
		}
		answer := dig(api, "paths", c.template, "get", "responses", c.code)
		if answer == nil {
			t.Errorf("%s: code %s is not described", c.template, c.code)
			continue
		}
		schema := dig(resolve(api, answer), "content", "application/json", "schema")
		var body any
		if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
			t.Errorf("GET %s: %v", c.path, err)
			continue
		}
		conforms(t, api, schema, body, c.path)
	}
	frames := s.stream(t, "/api/events?product=p1&limit=200")
	for _, name := range []string{"hello", "snapshot"} {
		e := frames.next()
		if e.name != name {
			t.Fatalf("event %s, want %s", e.name, name)
		}
		if name == "snapshot" {
			conforms(t, api, dig(api, "components", "schemas", "Frame"), e.value(t), "snapshot")
		}
	}
}

func dig(v any, path ...string) any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

func resolve(api, v any) any {
	if ref, ok := dig(v, "$ref").(string); ok {
		return dig(api, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return v
}

// conforms checks a value against the parts of JSON Schema that the file uses.
func conforms(t *testing.T, api, schema, value any, at string) {
	t.Helper()
	schema = resolve(api, schema)
	if any := dig(schema, "oneOf"); any != nil {
		if value != nil {
			conforms(t, api, any.([]interface{})[0], value, at)
		}
		return
	}
	var types []string
	switch is := dig(schema, "type").(type) {
	case string:
		types = []string{is}
	case []any:
		for _, one := range is {
			types = append(types, one.(string))
		}
	default:
		t.Errorf("%s: no schema", at)
		return
	}
	if got := jsonType(value); !strings.Contains(strings.Join(types, " "), got) && (got != "integer" || types[0] != "number") {
		t.Errorf("%s is a %s, want %v", at, got, types)
		return
	}
	if allowed, ok := dig(schema, "enum").([]any); ok && !strings.Contains(fmt.Sprint(allowed), fmt.Sprint(value)) {
		t.Errorf("%s is %v, want one of %v", at, value, allowed)
	}
	switch v := value.(type) {
	case []any:
		for i, one := range v {
			conforms(t, api, dig(schema, "items"), one, fmt.Sprintf("%s[%d]", at, i))
		}
	case map[string]any:
		properties, _ := dig(schema, "properties").(map[string]any)
		for name, one := range v {
			if properties[name] == nil {
				t.Errorf("%s.%s is not described", at, name)
				continue
			}
			conforms(t, api, properties[name], one, at+"."+name)
		}
		required, _ := dig(schema, "required").([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				t.Errorf("%s has no %s", at, name)
			}
		}
	}
}

func jsonType(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	}
	return "object"
}

// events reads a stream.
type events struct {
	t       *testing.T
	scanner *bufio.Scanner
}

type serverEvent struct{ name, id, data string }

func (e serverEvent) value(t *testing.T) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(e.data), &v); err != nil {
		t.Fatalf("%s: %v", e.name, err)
	}
	return v
}

func (s *shop) stream(t *testing.T, path string, headers ...string) *events {
	t.Helper()
	resp := s.get(path, headers...)
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("GET %s: %s, %s", path, resp.Status, resp.Header.Get("Content-Type"))
	}
	if resp.Header.Get("X-Accel-Buffering") != "no" {
		t.Error("proxies may buffer the stream")
	}
	return eventsOf(t, resp.Body)
}

func eventsOf(t *testing.T, stream io.Reader) *events {
	scanner := bufio.NewScanner(stream)
	scanner.Buffer(nil, 8<<20)
	return &events{t, scanner}
}

func (e *events) next() serverEvent {
	e.t.Helper()
	var one serverEvent
	for e.scanner.Scan() {
		name, value, _ := strings.Cut(e.scanner.Text(), ": ")
		switch name {
		case "event":
			one.name = value
		case "id":
			one.id = value
		case "data":
			one.data = value
		case "":
			return one
		}
	}
	e.t.Fatalf("the stream ends: %v", e.scanner.Err())
	return one
}

func TestStreamResumes(t *testing.T) {
	s := newShop(t, Access{})
	s.fill()
	first := s.stream(t, "/api/events")
	first.next()
	snapshot := first.next()
	s.tell(func() { s.apply(s.update("p11", 2, 20, 13)) })
	delta := first.next()
	if delta.name != "delta" || strings.Count(delta.data, `"product_id"`) != 1 || strings.Contains(delta.data, "alert_id") {
		t.Errorf("after one update: %s %s", delta.name, delta.data)
	}
	again := s.stream(t, "/api/events", "Last-Event-ID: "+snapshot.id)
	again.next()
	if e := again.next(); e.name != "delta" || e.id != delta.id || strings.Contains(e.data, "alert_id") || !strings.Contains(e.data, `"order"`) {
		t.Errorf("resumed: %s %s, want the delta %s with the page and without old alerts", e.name, e.id, delta.id)
	}
	for _, id := range []string{"other:1", "nonsense", strings.Replace(snapshot.id, ":", ":9", 1)} {
		stream := s.stream(t, "/api/events", "Last-Event-ID: "+id)
		stream.next()
		if e := stream.next(); e.name != "snapshot" {
			t.Errorf("Last-Event-ID %s: %s, want a snapshot", id, e.name)
		}
	}
	s.hub.Restart()
	s.hub.publish()
	if e := first.next(); e.name != "snapshot" || e.id == "" || strings.HasPrefix(e.id, strings.Split(delta.id, ":")[0]) {
		t.Errorf("after a restart: %s %s, want a snapshot of another epoch", e.name, e.id)
	}
}

// A slow reader costs nothing: when it reads again it gets a snapshot. Others get
// everything in the meantime.
func TestSlowReaderGetsASnapshot(t *testing.T) {
	s := newShop(t, Access{})
	s.fill()
	view := DefaultView()
	got, _, _, err := s.hub.frame(view, sent{})
	if err != nil {
		t.Fatal(err)
	}
	slow := got.sent
	quick := got.sent
	for i := range int64(tooFarBehind + 5) {
		s.tell(func() { s.apply(s.update("p11", i+2, 20, 1)) })
		next, whole, _, err := s.hub.frame(view, quick)
		if err != nil || whole || len(next.json) > 3000 {
			t.Fatalf("the quick reader's frame %d is whole: %v, of %d bytes (%v)", i, whole, len(next.json), err)
		}
		quick = next.sent
	}
	if _, whole, _, _ := s.hub.frame(view, slow); !whole {
		t.Error("the slow reader gets a delta")
	}
}

// A reader that stops reading does not delay others. Its disconnection after the
// write deadline is not waited for.
func TestBlockedReaderDelaysNobody(t *testing.T) {
	s := newShop(t, Access{})
	s.fill()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /api/events?limit=200 HTTP/1.1\r\nHost: localhost\r\n\r\n")
	other := s.stream(t, "/api/events?limit=200")
	other.next()
	other.next()
	for i := range int64(2000) {
		s.tell(func() {
			for p := range int64(12) {
				s.apply(s.update(fmt.Sprint("p", p), i+2, (i+p)%40, 1))
			}
		})
		if i%100 == 0 {
			if e := other.next(); e.name == "" {
				t.Fatal("no event")
			}
		}
	}
}

func TestRequestsFromOtherSites(t *testing.T) {
	s := newShop(t, Access{Hosts: []string{"stock.example"}})
	s.fill()
	for _, c := range []struct {
		name    string
		path    string
		headers []string
		want    int
	}{
		{"by address", "/api/products", nil, 200},
		{"by a rebound name", "/api/products", []string{"Host: evil.example"}, 421},
		{"by localhost", "/", []string{"Host: localhost:8080"}, 200},
		{"by IPv6", "/", []string{"Host: [::1]:8080"}, 200},
		{"by an allowed name", "/", []string{"Host: Stock.example"}, 200},
		{"from another origin", "/api/products", []string{"Origin: https://evil.example"}, 403},
		{"from a file", "/api/products", []string{"Origin: null"}, 403},
		{"from another site, as fetch", "/api/products", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"}, 403},
		{"from another site, as a link", "/", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"}, 200},
		{"from another port", "/api/events", []string{"Sec-Fetch-Site: same-site"}, 403},
		{"of the page itself", "/api/products", []string{"Sec-Fetch-Site: same-origin"}, 200},
		{"of the page behind a proxy", "/assets/app.js", []string{"Sec-Fetch-Site: same-origin", "Origin: https://proxy.example"}, 200},
		{"of the page at an allowed name behind a proxy", "/assets/app.js", []string{"Origin: https://Stock.example"}, 200},
		{"of another site behind a proxy", "/api/products", []string{"Sec-Fetch-Site: cross-site", "Origin: https://stock.example"}, 403},
		{"of an unknown path", "/nothing", nil, 404},
		{"of an unknown file", "/assets/secret.js", nil, 404},
		{"of a file outside", "/assets/..%2fopenapi.yaml", nil, 404},
	} {
		resp := s.get(c.path, c.headers...)
		if resp.StatusCode != c.want {
			t.Errorf("%s: %s, want %d", c.name, resp.Status, c.want)
		}
		if resp.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: CORS is on", c.name)
		}
		policy := resp.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", c.name, policy)
		}
	}
	resp, err := http.Post(s.server.URL+"/api/products", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", resp.Status)
	}
}

func TestToken(t *testing.T) {
	s := newShop(t, Access{Token: "secret"})
	for _, c := range []struct {
		name, path, header string
		want               int
	}{
		{"none", "/api/products", "X: ", 401},
		{"none, the page", "/", "X: ", 401},
		{"wrong", "/api/products", "Authorization: Bearer guess", 401},
		{"right", "/api/products", "Authorization: Bearer secret", 200},
		{"as a cookie", "/api/products", "Cookie: inv-dashboard=secret", 200},
		{"in the address of the API", "/api/products?token=secret", "X: ", 401},
		{"wrong in the page's address", "/?token=guess", "X: ", 401},
		{"in the page's address", "/?token=secret", "X: ", 303},
	} {
		resp := s.get(c.path, c.header)
		if resp.StatusCode != c.want {
			t.Errorf("%s: %s, want %d", c.name, resp.Status, c.want)
		}
		if resp.StatusCode != 303 {
			continue
		}
		cookie := resp.Header.Get("Set-Cookie")
		if resp.Header.Get("Location") != "./" || strings.Contains(cookie, "Path") || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Strict") {
			t.Errorf("%s: to %q with cookie %q", c.name, resp.Header.Get("Location"), cookie)
		}
	}
}

func TestPublishingIsImmediateThenPaced(t *testing.T) {
	s := newShop(t, Access{})
	s.publish(t)
	stream := s.stream(t, "/api/events")
	stream.next()
	for i := range int64(5) {
		s.hub.Update(func(*Model) {
			s.product("a")
			s.apply(s.update("a", i+1, 40-i, 1))
		})
		for {
			if e := stream.next(); strings.Contains(e.data, fmt.Sprintf(`"current_stock":%d,`, 40-i)) {
				break
			}
		}
	}
}

func nowTime() time.Time { return time.UnixMilli(now) }
