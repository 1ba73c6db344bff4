package offline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"inv/internal/envelope"
	"inv/internal/event"
	"inv/internal/scenario"
	"inv/processor/declared"
)

const shop = `scenario: shop
topics:
  orders: {topic: order_events, partitions: 6}
  legacy: {topic: legacy_customers}
  products: {topic: products, cleanup: compact}
  alerts: {topic: alerts, partitions: 6}
  customers: {topic: customers}
topologies:
  sums:
    from: {orders: {key: .customer, join: {p: {table: products, key: .sku}}, set: {last: .n}}}
    order: time
    ttl: 1d
    keep: {sum: {sum: .n}}
    timers: {quiet: {while: $s.sum > 0, after: 1h}}
    emit:
      - {to: alerts, fields: {customer: $key, n: .n, sum: $s.sum, name: $p.name, at: $t}}
      - {to: alerts, when: quiet, fields: {customer: $key, quiet: $s.sum, at: $t}}
  xml:
    from: {legacy: {format: xml}}
    emit: [{to: customers, key: .id, fields: {id: .id, place: '"\($partition)@\($offset)"'}}]
`

func now() time.Time { return time.UnixMilli(1_767_225_600_000) }

// process runs a topology of shop over sources, and returns what it wrote.
func process(t *testing.T, topology string, o Options, sources ...Source) (string, Summary, error) {
	t.Helper()
	sc, problems := scenario.Read("shop.yaml", []byte(shop))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	p, problems := declared.Compile(sc, sc.Topology(topology))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var out strings.Builder
	write := func(r *envelope.Record) error {
		reason, _ := event.FirstHeader(r.Headers, event.HeaderDLQReason)
		fmt.Fprintf(&out, "%s/%d %s %s%s\n", r.Topic, r.Partition, r.Key, reason, r.Value)
		return nil
	}
	o.Scenario, o.Program, o.App, o.Sources, o.Now, o.Output = sc, p, "app", sources, now, write
	if o.Letter != nil {
		o.Letter = write
	}
	sum, err := Run(t.Context(), o)
	return out.String(), sum, err
}

func text(name, alias, lines string) Source {
	return Source{Name: name, Alias: alias, Stream: strings.NewReader(lines)}
}

func order(partition, at int, customer string, n int) string {
	return fmt.Sprintf(`{"topic":"order_events","partition":%d,"timestamp":%d,"key":"k","value":{"customer":%q,"n":%d,"sku":"s"}}`+"\n", partition, at, customer, n)
}

// Partitions that follow one another in a file are processed as if they had been read side
// by side: nothing of the later ones is late, and timers fire at their times.
func TestOrder(t *testing.T) {
	hour := 3_600_000
	one := order(0, 1000, "a", 1) + order(0, 5*hour, "a", 3)
	two := order(1, 2000, "a", 2) + order(1, 6*hour, "b", 4)
	rows := `{"topic":"products","partition":0,"timestamp":9000000000,"key":"s","value":{"name":"lamp"}}` + "\n"
	want := `alerts/4 a {"customer":"a","n":1,"sum":1,"name":"lamp","at":1000}
alerts/4 a {"customer":"a","n":2,"sum":3,"name":"lamp","at":2000}
alerts/4 a {"customer":"a","quiet":3,"at":3601000}
alerts/4 a {"customer":"a","n":3,"sum":6,"name":"lamp","at":18000000}
alerts/2 b {"customer":"b","n":4,"sum":4,"name":"lamp","at":21600000}
`
	file := filepath.Join(t.TempDir(), "orders.jsonl")
	if err := os.WriteFile(file, []byte(one+two+"\n"+rows), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, sources := range map[string][]Source{
		"one stream": {text("in", "", one+two+rows)}, "a file": {{Name: file, File: f}},
		"several": {text("b", "", two), text("a", "", one), text("rows", "", rows)},
	} {
		got, sum, err := process(t, "sums", Options{}, sources...)
		if err != nil || got != want || sum.Rows != 1 || sum.Read != 4 || sum.Written["alerts"] != 5 || len(sum.Letters) > 0 {
			t.Errorf("%s: %v %+v\n got %s\nwant %s", name, err, sum, got, want)
		}
	}
}

// What other programs write: no topic, text in strings.
func TestForms(t *testing.T) {
	lines := `{"partition":0,"offset":7,"timestamp":5,"key":"1","value":"<c><id>1</id></c>"}
{"value":"<c><id>2</id></c>","value_encoding":"text"}
{"value":"<c>"}
{"topic":"elsewhere","value":1}
{"topic":"legacy","value":null,"key":"x"}
`
	want := "customers/3 1 {\"id\":\"1\",\"place\":\"0@7\"}\ncustomers/2 2 {\"id\":\"2\",\"place\":\"0@8\"}\nlegacy_customers.dlq/0  not-xml<c>\n"
	got, sum, err := process(t, "xml", Options{Letter: func(*envelope.Record) error { return nil }}, text("in", "", lines))
	if err != nil || got != want || sum.Ignored["elsewhere"] != 1 || sum.Letters["not-xml"] != 1 || sum.First == "" {
		t.Errorf("%v %+v\n got %s\nwant %s", err, sum, got, want)
	}
	got, _, err = process(t, "sums", Options{}, text("in", "orders", `{"timestamp":5,"value":"{\"customer\":\"a\",\"n\":1}"}`), text("p", "products", `{"key":"s","value":"{}"}`))
	if want := "alerts/4 a {\"customer\":\"a\",\"n\":1,\"sum\":1,\"name\":null,\"at\":5}\n"; err != nil || got != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}

func TestMistakes(t *testing.T) {
	for _, test := range []struct{ lines, want string }{
		{"{\"value\":1}\nx\n", "in, line 1: it has no \"topic\", and the topology reads several"},
		{order(0, 1, "a", 1) + "\n\nx\n", "in, line 4: it is not a record as JSON"},
		{`{"topic":"products","value":1}`, "in, line 1: it is a row of the table products and has no key"},
		{order(10_000, 1, "a", 1), "in, line 1: it is of partition 10000; there are at most 10000"},
		{order(0, 1, "a", 1)[:20], "in, line 1: it is not a record as JSON: unexpected end"},
	} {
		got, _, err := process(t, "sums", Options{}, text("in", "", test.lines))
		if line := new(LineError); err == nil || !strings.Contains(err.Error(), test.want) || !errors.As(err, &line) || got != "" {
			t.Errorf("%.30q: %v, %q", test.lines, err, got)
		}
	}
}

// A stream without an end or without lines is given up on.
func TestEndless(t *testing.T) {
	zeros := reader(func(b []byte) (int, error) { clear(b); return len(b), nil })
	if _, _, err := process(t, "xml", Options{}, Source{Name: "zero", Stream: zeros}); !errors.Is(err, errTooLong) {
		t.Errorf("zeros: %v", err)
	}
	line := bytes.Repeat([]byte("\n"), 1<<16)
	newlines := reader(func(b []byte) (int, error) { return copy(b, line), nil })
	if _, err := spool(t.Context(), newlines, 1<<20); !errors.Is(err, ErrSpool) {
		t.Errorf("newlines: %v", err)
	}
}

// A read that never returns does not keep Run.
func TestCancel(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	sc, _ := scenario.Read("shop.yaml", []byte(shop))
	p, _ := declared.Compile(sc, sc.Topology("xml"))
	done := make(chan error)
	go func() {
		_, err := Run(ctx, Options{Scenario: sc, Program: p, Sources: []Source{{Name: "pipe", Stream: r}}, Now: now})
		done <- err
	}()
	cancel(stopped)
	if err := <-done; !errors.Is(err, stopped) {
		t.Errorf("got %v", err)
	}
}

type reader func([]byte) (int, error)

func (r reader) Read(b []byte) (int, error) { return r(b) }
