package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"inv/inspect/dashboard"
	"inv/internal/kafka"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

// watched is a dashboard of a guarded cluster.
type watched struct {
	*guarded
	url string

	mu    sync.Mutex
	lines []string // of its log
}

// watch starts a dashboard as the user and stops it with the test.
func (g *guarded) watch() *watched {
	g.t.Helper()
	w := &watched{guarded: g}
	o := dashboard.Options{
		Kafka: kafka.Config{Brokers: g.brokers, Options: []kgo.Opt{
			kgo.SASL(plain.Auth{User: guardedUser, Pass: guardedPassword}.AsMechanism())}},
		Listen: "127.0.0.1:0",
		Log: func(line string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.lines = append(w.lines, line)
		},
	}
	var err error
	if o.Topics, o.Groups, err = dashboardTopics(g.scenario(), "inv"); err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(g.t.Context())
	at, done := make(chan string, 1), make(chan error, 1)
	o.Listening = func(url string) { at <- url }
	go func() { done <- dashboard.Run(ctx, o) }()
	select {
	case w.url = <-at:
	case err := <-done:
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			g.t.Errorf("the dashboard ended with: %v", err)
		}
	})
	return w
}

// log returns how many lines of the log end in a text. A topic's name is also the
// beginning of that of its dead letters.
func (w *watched) log(text string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range w.lines {
		if strings.HasSuffix(line, text) {
			n++
		}
	}
	return n
}

// glance is the part of /api/summary that the test reads.
type glance struct {
	Epoch  string
	Status struct {
		Loading, Trouble string
		Missing          []string
		Denied           []dashboard.Denied
		Lag              []dashboard.Lag
	}
	Counts      struct{ Products int }
	Alerts      struct{ Total int }
	DeadLetters struct{ Total int } `json:"dead_letters"`
}

func (f *glance) denied() (texts []string) {
	for _, d := range f.Status.Denied {
		text := d.String()
		if d.AsOf > 0 {
			text += ", stale"
		}
		texts = append(texts, text)
	}
	return texts
}

// shows waits until the dashboard is live and shows what check accepts, for lack of
// exactly these permissions.
func (w *watched) shows(what string, denied []string, check func(f *glance) bool) (f glance) {
	w.t.Helper()
	kafkatest.Eventually(w.t, 30*time.Second, what, func() (bool, error) {
		req, err := http.NewRequestWithContext(w.t.Context(), "GET", w.url+"api/summary", nil)
		if err != nil {
			return false, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false, err
		}
		defer resp.Body.Close()
		f = glance{}
		if err := json.NewDecoder(resp.Body).Decode(&f); err != nil {
			return false, err
		}
		ok := f.Status.Loading == "" && f.Status.Trouble == "" && len(f.Status.Missing) == 0 && slices.Equal(f.denied(), denied) && check(&f)
		w.mu.Lock()
		defer w.mu.Unlock()
		return ok, fmt.Errorf("%+v, log %q", f, w.lines)
	})
	return f
}

// Without some permissions the dashboard shows what it can read. What was read before
// one was revoked stays, as stale; when it is granted again, the records that came in
// between are shown. None of that takes a restart or more than a line in the log.
func TestDashboardWithoutPermissions(t *testing.T) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) { testDashboardWithoutPermissions(t, guardedEmbedded(t)) })
	t.Run("kafka", func(t *testing.T) { testDashboardWithoutPermissions(t, guardedKafka(t)) })
}

func testDashboardWithoutPermissions(t *testing.T, g *guarded) {
	_, acls := documentedACLs(t)
	all := acls["inv dashboard --once"]
	without := func(operation kmsg.ACLOperation, names ...string) []permission {
		return slices.DeleteFunc(slices.Clone(all), func(p permission) bool {
			return slices.Contains(names, p.name) && p.operation == operation
		})
	}
	produce := func(topic, value string) {
		t.Helper()
		if err := g.client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	product := func(id string) {
		produce("product_catalog", `{"id":"`+id+`","name":"n","price":1,"reorder_threshold":5,"reorder_quantity":9,"critical_threshold":5,"initial_stock":9}`)
	}
	alert := func() {
		produce("inventory_alerts", `{"alert_id":"a","product_id":"p1","current_stock":1,"threshold":5}`)
	}
	g.topics()
	g.letter()
	product("p1")
	alert()

	g.permit(without(kmsg.ACLOperationRead, "order_events.dlq"))
	w := g.watch()
	const letters = "Read topic order_events.dlq"
	first := w.shows("the rest, without the dead letters", []string{letters}, func(f *glance) bool {
		return f.Counts.Products == 1 && f.Alerts.Total == 1 && f.DeadLetters.Total == 0
	})
	g.permit(without(kmsg.ACLOperationRead, "order_events.dlq", "inventory_alerts", "product_catalog"))
	revoked := []string{"Read topic inventory_alerts, stale", "Read topic product_catalog, stale", letters}
	w.shows("what was known", revoked, func(f *glance) bool { return f.Counts.Products == 1 && f.Alerts.Total == 1 })
	alert()
	product("p2")
	g.letter()
	g.permit(without(kmsg.ACLOperationRead, "product_catalog"))
	w.shows("the dead letters and the alerts, also the new one", revoked[1:2], func(f *glance) bool {
		return f.Counts.Products == 1 && f.Alerts.Total == 2 && f.DeadLetters.Total == 2
	})
	g.permit(all)
	last := w.shows("everything", nil, func(f *glance) bool { return f.Counts.Products == 2 })
	if last.Epoch != first.Epoch {
		t.Error("the dashboard has started over")
	}
	for _, text := range []string{letters, "Read topic inventory_alerts", "Read topic product_catalog"} {
		if n, again := w.log("not authorized to "+text), w.log("authorized again: "+text); n != 1 || again != 1 {
			t.Errorf("%s: %d lines in the log when it was missing, %d when it was there again, want one each: %q", text, n, again, w.lines)
		}
	}

	// The lag is unknown without the groups, or the topics that they read.
	g.commit("inv-ledger")
	unknown := func(group string) func(f *glance) bool {
		return func(f *glance) bool {
			i := slices.IndexFunc(f.Status.Lag, func(l dashboard.Lag) bool { return l.Group == group })
			return i >= 0 && f.Status.Lag[i].Denied && !f.Status.Lag[i].Known
		}
	}
	g.permit(slices.DeleteFunc(slices.Clone(all), func(p permission) bool { return p.kind == kmsg.ACLResourceTypeGroup }))
	w.shows("that the lag is unknown", []string{"Describe group inv-ingest", "Describe group inv-ledger", "Describe group inv-procurement"}, unknown("inv-ledger"))
	g.permit(slices.DeleteFunc(slices.Clone(all), func(p permission) bool { return p.kind == kmsg.ACLResourceTypeTopic && p.name == "inv-" }))
	w.shows("that the ledger's lag is unknown", []string{"Read topic inv-product-log"}, unknown("inv-ledger"))
}
