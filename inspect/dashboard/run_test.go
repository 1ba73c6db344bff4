package dashboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"inv/inspect/dashboard"
	"inv/inspect/dashboard/simulate"
	"inv/internal/broker"
	"inv/internal/kafka"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// world is a broker with a dashboard.
type world struct {
	t      *testing.T
	config kafka.Config
	topics dashboard.Topics
	store  *simulate.Store
	client *kgo.Client
	url    string

	currency string // of the dashboard's amounts
	encoded  *encoded
}

// newWorld creates topics with a history of products and orders. The dashboard does
// not run yet.
func newWorld(t *testing.T, brokers []string, products, orders int) *world {
	t.Helper()
	return newEncodedWorld(t, brokers, products, orders, nil)
}

// newEncodedWorld does the same with values that are encoded, unless of is nil.
func newEncodedWorld(t *testing.T, brokers []string, products, orders int, of *encoded) *world {
	t.Helper()
	w := &world{t: t, config: kafka.Config{Brokers: brokers}}
	name := func(s string) string { return kafkatest.Name(t, s) }
	w.topics = dashboard.Topics{
		Catalog: name("catalog"), Orders: name("orders"), Updates: name("updates"), Reorders: name("reorders"),
		Alerts: name("alerts"), Receipts: name("receipts"),
	}
	w.topics.DeadLetters = []string{w.topics.Orders + ".dlq"}
	w.client, w.encoded = kafkatest.Client(t, brokers, kgo.TransactionalID(name("test"))), of
	w.store = simulate.New(w.topics, 1, products)
	if products > 0 {
		w.create()
		start := time.Now().Add(-58 * time.Minute)
		records := w.store.Open(start)
		for i := range orders {
			share := float64(i) / float64(orders)
			share += 0.03 * math.Sin(6*math.Pi*share) // some minutes are busier
			records = append(records, w.store.Order(start.Add(time.Duration(share*float64(58*time.Minute))))...)
		}
		w.write(records...)
	}
	return w
}

func (w *world) create() {
	w.t.Helper()
	var specs []kafka.TopicSpec
	for _, name := range w.names() {
		specs = append(specs, kafka.TopicSpec{Name: name, Partitions: 3})
	}
	if _, err := kafka.EnsureTopics(w.t.Context(), w.client, specs...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) names() []string {
	t := w.topics
	return []string{t.Catalog, t.Updates, t.Reorders, t.Alerts, t.Receipts, t.DeadLetters[0]}
}

// write writes records in one transaction.
func (w *world) write(records ...*kgo.Record) { w.transact(kgo.TryCommit, records...) }

func (w *world) transact(end kgo.TransactionEndTry, records ...*kgo.Record) {
	w.t.Helper()
	if w.encoded != nil {
		for _, r := range records {
			r.Value = encode(r.Value)
		}
	}
	err := w.client.BeginTransaction()
	if err == nil {
		err = w.client.ProduceSync(w.t.Context(), records...).FirstErr()
	}
	if err == nil {
		err = w.client.EndTransaction(w.t.Context(), end)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) options(listening func(url string)) dashboard.Options {
	o := dashboard.Options{
		Kafka: w.config, Topics: w.topics, Currency: w.currency, Listen: "127.0.0.1:0", Listening: listening,
		Hints: dashboard.Hints{NoProducts: "inv produce catalog writes some"},
	}
	if w.encoded != nil {
		o.Schemas = w.encoded.decoder
	}
	return o
}

// run starts the dashboard and stops it with the test.
func (w *world) run() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	at, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- dashboard.Run(ctx, w.options(func(url string) { at <- url }))
	}()
	select {
	case w.url = <-at:
	case err := <-done:
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("the dashboard ended with: %v", err)
		}
	})
}

func (w *world) get(path string, into any) error {
	req, err := http.NewRequestWithContext(w.t.Context(), "GET", w.url+strings.TrimPrefix(path, "/"), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != 200 {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// frame is the part of the JSON that the tests read.
type frame struct {
	Epoch  string
	Status struct {
		Loading, Trouble string
		Missing          []string
	}
	Counts      map[string]int
	Total       int
	Products    any
	Minutes     []struct{ Orders, Units int64 }
	Reorders    struct{ Total int }
	DeadLetters struct{ Total int } `json:"dead_letters"`
	Alerts      struct{ Total int }
	Problems    struct{ Gaps int64 }
}

// eventually waits until check accepts the summary.
func (w *world) eventually(what string, check func(f *frame) bool) {
	w.t.Helper()
	kafkatest.Eventually(w.t, patience, what, func() (bool, error) {
		var f frame
		if err := w.get("/api/summary", &f); err != nil {
			return false, err
		}
		return check(&f), fmt.Errorf("%+v", f)
	})
}

func (w *world) loaded() {
	w.t.Helper()
	w.eventually("everything is loaded", func(f *frame) bool { return f.Status.Loading == "" && len(f.Status.Missing) == 0 })
}

func (w *world) stock(id string) (int64, error) {
	var answer struct {
		Product struct {
			Stock int64 `json:"current_stock"`
			Gaps  int64
		}
	}
	err := w.get("/api/products/"+url.PathEscape(id), &answer)
	return answer.Product.Stock, err
}

// sell writes an order line for a product.
func (w *world) sell(p *simulate.Product, quantity int64) {
	w.t.Helper()
	w.write(w.store.Sell(p, quantity, time.Now())...)
}

func TestNumbersMatchTheTopics(t *testing.T) {
	t.Parallel()
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		w := newWorld(t, brokers, 300, 3000)
		kafkatest.DeleteAfter(t, w.client, w.names()...)
		w.transact(kgo.TryAbort, w.store.Sell(w.store.Products()[0], 1, time.Now())...)
		w.store.Products()[0].Stock++ // it was aborted
		w.store.Products()[0].Seq--
		w.run()
		w.loaded()
		for _, p := range w.store.Products() {
			if got, err := w.stock(p.ID); err != nil || got != p.Stock {
				t.Errorf("%s has stock %d, want %d (%v)", p.ID, got, p.Stock, err)
			}
		}
		var f frame
		if err := w.get("/api/summary", &f); err != nil {
			t.Fatal(err)
		}
		var orders int64
		for _, m := range f.Minutes {
			orders += m.Orders
		}
		if orders != 3000 || f.Reorders.Total != w.store.OpenReorders() || f.Problems.Gaps != 0 {
			t.Errorf("%d orders, %d open reorders, %d gaps; want 3000, %d, 0", orders, f.Reorders.Total, f.Problems.Gaps, w.store.OpenReorders())
		}
		p := w.store.Products()[7]
		w.sell(p, 1)
		kafkatest.Eventually(t, patience, "the sale is visible", func() (bool, error) {
			got, err := w.stock(p.ID)
			return got == p.Stock, err
		})
	})
}

func TestTopicsCreatedLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kafkatest.Embedded(t), 0, 0)
	w.run()
	w.eventually("missing topics are named", func(f *frame) bool { return len(f.Status.Missing) == 5 })
	w.store = simulate.New(w.topics, 1, 5)
	w.create()
	w.write(w.store.Open(time.Now())...)
	w.eventually("the products appear", func(f *frame) bool { return f.Counts["products"] == 5 && f.Counts["unknown"] == 0 })
}

func TestRecreatedTopics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kafkatest.Embedded(t), 5, 10)
	w.run()
	w.loaded()
	admin := kadm.NewClient(w.client)
	if _, err := admin.DeleteTopics(t.Context(), w.names()...); err != nil {
		t.Fatal(err)
	}
	// A producer that knows the old topics makes the embedded broker panic.
	w.client = kafkatest.Client(t, w.config.Brokers, kgo.TransactionalID("another"))
	w.store = simulate.New(w.topics, 2, 3)
	w.create()
	w.write(w.store.Open(time.Now())...)
	w.eventually("only the new products remain", func(f *frame) bool { return f.Counts["products"] == 3 })
}

func TestBrokerOutage(t *testing.T) {
	t.Parallel()
	b, err := broker.Start(broker.Options{Listen: "127.0.0.1:0", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, []string{b.Addr()}, 5, 10)
	w.run()
	w.loaded()
	b.Close()
	w.eventually("the outage is reported", func(f *frame) bool { return f.Status.Trouble != "" && f.Counts["products"] == 5 })
}

func TestMalformedRecordsInTopics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kafkatest.Embedded(t), 3, 0)
	w.write(&kgo.Record{Topic: w.topics.Updates, Key: []byte("x"), Value: []byte("not json")},
		&kgo.Record{Topic: w.topics.DeadLetters[0], Value: []byte("{}"), Headers: []kgo.RecordHeader{{Key: "dlq-reason", Value: []byte("not-json")}}})
	w.run()
	w.loaded()
	w.write(&kgo.Record{Topic: w.topics.Alerts, Value: []byte("[]")}, &kgo.Record{Topic: w.topics.DeadLetters[0]})
	kafkatest.Eventually(t, patience, "both are counted", func() (bool, error) {
		var f struct {
			Problems struct{ Malformed []struct{ Count int } }
			Dead     struct{ Total int } `json:"dead_letters"`
		}
		err := w.get("/api/summary", &f)
		return len(f.Problems.Malformed) == 2 && f.Dead.Total == 2, errors.Join(err, fmt.Errorf("%+v", f))
	})
}

func TestListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	config := kafka.Config{Brokers: kafkatest.Embedded(t)}
	err = dashboard.Run(t.Context(), dashboard.Options{Kafka: config, Listen: taken.Addr().String()})
	if !errors.Is(err, dashboard.ErrPortInUse) || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("error %v, want the port in use with its address", err)
	}
	for _, bad := range []string{"nonsense", "127.0.0.1:http:1", "no.such.host.invalid:80", "127.0.0.1:99999"} {
		if err := dashboard.Run(t.Context(), dashboard.Options{Kafka: config, Listen: bad}); !errors.Is(err, dashboard.ErrAddress) {
			t.Errorf("%s: error %v, want an invalid address", bad, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var at string
	err = dashboard.Run(ctx, dashboard.Options{Kafka: config, Listen: "0.0.0.0:0", Listening: func(url string) { at = url; cancel() }})
	if u, _ := url.Parse(at); err != nil || u == nil || len(u.Query().Get("token")) < 20 {
		t.Errorf("on all addresses: URL %q, error %v; want a token", at, err)
	}
}

// proxy is a proxy between a browser and the dashboard that can be cut or frozen.
type proxy struct {
	ln net.Listener
	to string

	mu     sync.Mutex
	cut    bool
	conns  []net.Conn
	frozen chan struct{} // if not nil, data from the dashboard waits until it is closed
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, to: u.Host}
	t.Cleanup(func() { ln.Close(); p.set(true) })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			p.serve(conn)
		}
	}()
	return p
}

func (p *proxy) serve(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	back, err := net.Dial("tcp", p.to)
	if err != nil || p.cut {
		conn.Close()
		return
	}
	p.conns = append(p.conns, conn, back)
	go func() { _, _ = io.Copy(back, conn); back.Close() }()
	go func() { _, _ = io.Copy(conn, &thawing{p, back}); conn.Close() }()
}

func (p *proxy) set(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	if cut {
		for _, c := range p.conns {
			c.Close()
		}
		p.conns = nil
	}
}

// thawing reads from the dashboard while the proxy is not frozen.
type thawing struct {
	*proxy
	from net.Conn
}

func (r *thawing) Read(into []byte) (int, error) {
	n, err := r.from.Read(into)
	r.mu.Lock()
	wait := r.frozen
	r.mu.Unlock()
	if wait != nil {
		<-wait
	}
	return n, err
}

// freeze keeps connections open but silent.
func (p *proxy) freeze(frozen bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if frozen {
		p.frozen = make(chan struct{})
		return
	}
	close(p.frozen)
	p.frozen = nil
}

func (p *proxy) url() string { return "http://" + p.ln.Addr().String() + "/" }
