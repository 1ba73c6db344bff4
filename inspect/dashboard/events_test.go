package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Frames do not grow with the number of products or changes: each has the last value
// of each visible product once.
func TestFramesDoNotGrowWithTheProducts(t *testing.T) {
	sizes := map[int]int{}
	for _, products := range []int{200, 5000} {
		s := newShop(t, Access{})
		s.tell(func() {
			for i := range products {
				s.product(fmt.Sprintf("p%05d", i))
			}
			for i := range products {
				s.apply(s.update(fmt.Sprintf("p%05d", i), 1, 30, 1))
			}
		})
		got, _, _, err := s.hub.frame(DefaultView(), sent{})
		if err != nil {
			t.Fatal(err)
		}
		snapshot := len(got.json)
		s.tell(func() {
			for seq := range int64(10) {
				for i := range products {
					s.apply(s.update(fmt.Sprintf("p%05d", i), seq+2, 29-seq, 1))
				}
			}
		})
		next, whole, _, err := s.hub.frame(DefaultView(), got.sent)
		if err != nil || whole {
			t.Fatalf("the next frame is whole: %v (%v)", whole, err)
		}
		if n := strings.Count(string(next.json), `"product_id"`); n != DefaultView().Limit {
			t.Errorf("%d products: %d rows for ten changes of each, want the %d in sight", products, n, DefaultView().Limit)
		}
		sizes[products] = snapshot + len(next.json)
	}
	if sizes[5000] > sizes[200]*11/10 {
		t.Errorf("with 5,000 products %d bytes, with 200 %d", sizes[5000], sizes[200])
	}
}

// A closed stream frees its slot, and one too many is refused.
func TestStreamsAreBounded(t *testing.T) {
	hub := NewHub("order_events", nowTime)
	s := &server{hub: hub, slots: make(chan struct{}, 1)}
	web := httptest.NewServer(http.HandlerFunc(s.events))
	t.Cleanup(web.Close)
	ask := func(ctx context.Context) *http.Response {
		req, err := http.NewRequestWithContext(ctx, "GET", web.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	ctx, leave := context.WithCancel(t.Context())
	if first := ask(ctx); first.StatusCode != 200 {
		t.Fatalf("the first stream: %s", first.Status)
	}
	second := ask(t.Context())
	if second.StatusCode != http.StatusServiceUnavailable || second.Header.Get("Retry-After") == "" {
		t.Errorf("a stream too many: %s, Retry-After %q", second.Status, second.Header.Get("Retry-After"))
	}
	leave()
	s.slots <- struct{}{} // blocks unless the slot is free again
}

// An idle stream still sends the status each second.
func TestIdleStreamSendsStatus(t *testing.T) {
	s := newShop(t, Access{})
	s.publish(t)
	stream := s.stream(t, "/api/events")
	stream.next()
	first := stream.next()
	for e := stream.next(); !strings.Contains(e.data, `"now"`) || e.id == first.id; e = stream.next() {
	}
}

// A browser gets three streams and then single events; other browsers and programs
// are not affected.
func TestStreamsOfOneBrowser(t *testing.T) {
	s := newShop(t, Access{})
	s.fill()
	ask := func(query string) (events *events, leave func(), poll any) {
		ctx, leave := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, "GET", s.server.URL+"/api/events?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { leave(); resp.Body.Close() })
		events = eventsOf(t, resp.Body)
		return events, leave, events.next().value(t).(map[string]any)["poll"]
	}
	var leaveFirst func()
	for i := range streamsPerBrowser {
		_, leave, poll := ask("browser=one")
		if poll != nil {
			t.Fatalf("stream %d is told to ask again after %v ms", i+1, poll)
		}
		leaveFirst = leave
	}
	for range 3 {
		single, _, poll := ask("browser=one")
		if poll != float64(pollEvery) {
			t.Errorf("a stream too many is told to ask again after %v ms, want %d", poll, pollEvery)
		}
		if e := single.next(); e.name != "snapshot" || single.scanner.Scan() {
			t.Errorf("a stream too many: %s, and more", e.name)
		}
	}
	for _, other := range []string{"browser=two", "", "", "", ""} {
		if _, _, poll := ask(other); poll != nil {
			t.Errorf("%q is limited by another browser", other)
		}
	}
	leaveFirst()
	for {
		if _, leave, poll := ask("browser=one"); poll == nil {
			leave()
			break // the place is free again
		}
	}
}

// Places that are given back leave nothing behind, also those of readers without a
// name.
func TestBrowsersAreForgotten(t *testing.T) {
	var b browsers
	for range 2 {
		for _, name := range []string{"", "one", "", "two"} {
			if !b.enter(name) {
				t.Errorf("%q has no place", name)
			}
		}
		for _, name := range []string{"", "one", "", "two"} {
			b.leave(name)
		}
	}
	b.leave("")
	if len(b.streams) != 0 {
		t.Errorf("left behind: %v", b.streams)
	}
}
