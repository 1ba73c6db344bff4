package inspect

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"inv/internal/kafka/fetch"
	"inv/internal/termsafe"
	"inv/internal/theme"

	"github.com/muesli/termenv"
	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with testdata/golden/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got\n%s\nwant\n%s", file, got, want)
	}
}

const noon = 1625140800000 // 2021-07-01 12:00:00 UTC

func record(topic string, partition int32, offset int64, key, value string, headers ...string) *Record {
	r := &Record{Topic: topic, Partition: partition, Offset: offset, Timestamp: noon + offset, Key: []byte(key), Value: []byte(value)}
	var hs []fetch.Header
	for i := 0; i+1 < len(headers); i += 2 {
		hs = append(hs, fetch.Header{Key: headers[i], Value: []byte(headers[i+1])})
	}
	r.SetHeaders(hs)
	return r
}

// ours returns records of inv, and of the reference system, which lack names, warehouses
// and thresholds.
func ours() []*Record {
	return []*Record{
		record("product_catalog", 0, 0, "prod-123", `{"id":"prod-123","name":"Wireless Headphones","category":"electronics","price":79.99,"reorder_threshold":10,"reorder_quantity":50,"critical_threshold":5,"warehouse_id":"wh-east-1","initial_stock":40}`),
		record("product_catalog", 0, 1, "prod-789", `{"category":"accessories","critical_threshold":10,"id":"prod-789","name":"Phone Cover","price":12.99,"reorder_quantity":100,"reorder_threshold":20}`),
		record("order_events", 3, 1841, "order-456", `{"order_id":"order-456","customer_id":"cust-789","items":[{"product_id":"prod-123","quantity":2,"unit_price":79.99},{"product_id":"prod-789","quantity":1,"unit_price":12.99}],"order_total":172.97,"timestamp":1625140801841}`, "ce_type", "inventory.order.v1"),
		record("order_events", 3, 1842, "order-457", `{"customer_id":"cust-1","items":[],"order_id":"order-457","order_total":743.8399999999999}`),
		record("order_events", 3, 1843, "order-458", `{"order_id":"order-458","customer_id":`, "inv-fault", "malformed"),
		record("inventory_updates", 1, 7, "prod-123", `{"product_id":"prod-123","product_name":"Wireless Headphones","category":"electronics","current_stock":4,"warehouse_id":"wh-east-1","timestamp":1625140800007,"unit_price":79.99,"reorder_threshold":10,"reorder_quantity":50,"critical_threshold":5,"seq":3,"delta":-2}`),
		record("inventory_updates", 1, 8, "prod-123", `{"product_id":"prod-123","product_name":"Wireless Headphones","current_stock":9,"warehouse_id":"wh-east-1","timestamp":1625140800008,"reorder_threshold":10,"critical_threshold":5,"delta":0}`),
		record("inventory_updates", 1, 9, "prod-123", `{"product_id":"prod-123","product_name":"Wireless Headphones","current_stock":59,"warehouse_id":"wh-east-1","timestamp":1625140800009,"reorder_threshold":10,"critical_threshold":5,"delta":50}`),
		record("inventory_updates", 1, 10, "prod-456", `{"current_stock":0,"last_order_id":"order-259311","last_updated":1795394254027,"product_id":"prod-456"}`),
		record("reorder_events", 0, 3, "reorder-prod-456-9", `{"event_id":"reorder-prod-456-9","product_id":"prod-456","product_name":"Laptop Charger","current_stock":2,"reorder_quantity":25,"priority":"urgent","warehouse_id":"wh-east-1","timestamp":1625140800003}`),
		record("reorder_events", 0, 4, "reorder-1756f29b", `{"current_stock":5,"event_id":"reorder-1756f29b","priority":"normal","product_id":"prod-789","product_name":"Phone Cover","reorder_quantity":100,"timestamp":1625140800004}`),
		record("inventory_alerts", 2, 1841, "prod-456", `{"alert_id":"alert-prod-456-9","alert_type":"critical_inventory","product_id":"prod-456","product_name":"Laptop Charger","current_stock":3,"threshold":3,"warehouse_id":"wh-east-1","timestamp":1625140801841,"message":"Critical inventory level: Laptop Charger (3 units remaining)"}`),
		record("stock_receipts", 5, 2, "prod-456", `{"receipt_id":"receipt-reorder-prod-456-9","event_id":"reorder-prod-456-9","product_id":"prod-456","quantity":25,"warehouse_id":"wh-east-1","timestamp":1625140805003}`),
		record("order_events.dlq", 3, 0, "order-458", `{"order_id":"order-458","customer_id":`, "dlq-topic", "order_events", "dlq-reason", "malformed_json", "dlq-message", "unexpected end of JSON input"),
		record("inv-product-log", 4, 1, "", `{"k":"line","id":"prod-1","src":"order_events/3@1841#0","q":2,"p":79.99,"o":"order-456","t":1625140800000}`+"\n"+`{"k":"receipt","id":"prod-1","src":"stock_receipts/0@4#0","q":25,"t":1625140800001}`+"\n"),
	}
}

// others returns records of topics without views, some of them hostile.
func others() []*Record {
	records := []*Record{
		record("others", 0, 0, "k", `{ "a" : [1, 2.50, "x"],`+"\n"+`  "deep": {"t": true, "n": null} }`),
		record("others", 0, 1, "k", "plain text"),
		record("others", 0, 2, "k", `<?xml version='1.1'?><Struct><cust_id>1</cust_id></Struct>`),
		record("others", 0, 3, "k", ""),
		record("others", 0, 4, "k", "x"), // becomes a tombstone
		record("others", 0, 5, "", "an empty key"),
		record("others", 0, 6, "k", "x"), // its key becomes null
		record("others", 0, 7, "\x00\x00\x00\x2a", "\x00\x00\x00\x00\x00\x00\x00\x2a"),
		record("others", 0, 8, "k", "\x00\x00\x00\x00\x07\x02\x06abc"),
		record("others", 0, 9, "k", "\xff\xfe\xfd"),
		record("others", 0, 10, "日本", `{"name":"日本語のテキスト","emoji":"👩‍👩‍👧 🇩🇪"}`),
		record("others", 0, 11, "\x1b[2J", "\x1b]0;owned\a\x1b[31mred\nline\rback\ttab\x7f"),
		record("others", 0, 12, "k", `{"a":"\u001b[31m","b":"`+"\u202egpj.exe\u0085\x7f\xc3"+`"}`),
		record("others", 0, 13, "k", "12345678901234567890.10", "dup", "1", "dup", "2", "hostile\x1b[2J", "\x9b31m\u2066", "bytes", "\xff"),
		record("others", 0, 14, "k", strings.Repeat("long ", 8000)),
		record("others", 0, 15, `quote"comma,`, ` "quoted", text `),
		record("others", 0, 16, "k", `<order id="1" note='<"2">'><!-- a > b --><item/>a &lt; b<![CDATA[<x>]]></order>`+"\n<cut attribute=\"\x1b[31m"),
		record("others", 0, 18, "\x00\x00\x00\x00\x07\x02\x06abc", "a framed key"),
		record("others", 0, 17, "k", `{"text":"`+strings.Repeat("long ", 4000)+`","n":1}`),
	}
	records[4].Value, records[6].Key = nil, nil
	records[0].Timestamp = noon - msPerDay
	records[1].Timestamp = -1
	return records
}

func render(r Renderer, records []*Record) []byte {
	var out []byte
	if h, ok := r.(headed); ok {
		out = h.Header(out)
	}
	if m, ok := r.(measurer); ok {
		m.Measure(records)
	}
	for _, record := range records {
		out = r.Append(out, record)
	}
	return out
}

func TestGolden(t *testing.T) {
	colors := theme.New(termenv.ANSI256)
	views := inventoryViews(t)
	labels := Labels(inventory(t), "inv", []string{"*_*", "order_events.dlq", "inv-product-log"})
	pretty := func(th *theme.Theme, width int, o PrettyOptions) Renderer {
		o.Theme, o.Location, o.Now, o.Width, o.Views = th, time.UTC, time.UnixMilli(noon), width, views
		o.Cut = ", whole with -o raw"
		return NewPretty(o)
	}
	format, err := NewFormat(`%t/%p@%o %d{go[15:04:05.000]} %k=%v{base64} %h{%k:%v;}`+"\n", true)
	if err != nil {
		t.Fatal(err)
	}
	indented := NewJSON(colors, views)
	indented.Indent = true
	highlight, err := NewHighlight(pretty(colors, 0, PrettyOptions{}), []string{"prod-[45]", "stock"}, colors.Match, colors.Reset)
	if err != nil {
		t.Fatal(err)
	}
	all := append(ours(), others()...)
	for name, c := range map[string]struct {
		renderer Renderer
		records  []*Record
	}{
		"pretty.txt":         {pretty(nil, 0, PrettyOptions{}), all},
		"pretty-color.txt":   {pretty(colors, 0, PrettyOptions{}), all},
		"pretty-120.txt":     {pretty(nil, 120, PrettyOptions{}), all},
		"pretty-80.txt":      {pretty(nil, 80, PrettyOptions{}), all},
		"pretty-80color.txt": {pretty(colors, 80, PrettyOptions{}), all},
		"pretty-40.txt":      {pretty(nil, 40, PrettyOptions{}), all},
		"labels.txt":         {pretty(nil, 120, PrettyOptions{Labels: labels}), ours()},
		"headers.txt":        {pretty(nil, 0, PrettyOptions{Headers: true}), all},
		"relative.txt":       {pretty(nil, 0, PrettyOptions{Times: Relative, Clock: func() time.Time { return time.UnixMilli(noon + 90_000) }}), ours()},
		"ms.txt":             {pretty(nil, 0, PrettyOptions{Times: EpochMs}), ours()},
		"highlight.txt":      {highlight, ours()},
		"json.txt":           {NewJSON(nil, views), all},
		"json-color.txt":     {NewJSON(colors, views), all},
		"json-indent.txt":    {indented, ours()},
		"raw-terminal.txt":   {Raw{Safe: true}, all},
		"format.txt":         {format, all},
		"yaml.txt":           {&YAML{}, all},
		"csv.txt":            {&CSV{Safe: true}, all},
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, render(c.renderer, c.records)) })
	}
}

// Topics whose views have no conditions have no column for the severity.
func TestSeverityColumn(t *testing.T) {
	line := func(labels map[string]string) string {
		p := NewPretty(PrettyOptions{Location: time.UTC, Now: time.UnixMilli(noon), Views: inventoryViews(t), Labels: labels})
		return string(p.Append(nil, record("others", 0, 1, "k", "v")))
	}
	if got := line(map[string]string{"others": "others"}); got != "12:00:00.001 p0@1  k  v\n" {
		t.Errorf("alone: %q", got)
	}
	if got := line(map[string]string{"others": "others", "inventory_alerts": "alerts"}); got != "12:00:00.001          others p0@1  k  v\n" {
		t.Errorf("beside one that has: %q", got)
	}
}

// No line is wider than the terminal, except for the headers after it.
func TestWidth(t *testing.T) {
	for _, width := range []int{20, 40, 80, 120, 200} {
		p := NewPretty(PrettyOptions{Theme: theme.New(termenv.ANSI256), Location: time.UTC, Now: time.UnixMilli(noon), Width: width, Views: inventoryViews(t)})
		for _, r := range append(ours(), others()...) {
			r.SetHeaders(nil)
			for _, line := range lines(string(p.Append(nil, r))) {
				if w := p.width([]byte(line)); w > width {
					t.Errorf("at %d columns, %d wide: %q", width, w, line)
				}
			}
		}
	}
}

// An unfinished escape in the data, which is allowed on request, is text.
func TestWidthWithRawControl(t *testing.T) {
	for _, colors := range []*theme.Theme{{}, theme.New(termenv.ANSI256)} {
		p := NewPretty(PrettyOptions{Theme: colors, Location: time.UTC, Now: time.UnixMilli(noon), Width: 40, RawControl: true})
		line := p.Append(nil, record("others", 0, 1, "\x1b"+strings.Repeat("x", 100), "v"))
		if !strings.Contains(string(line), "\x1bxx") || !strings.Contains(string(line), "…") {
			t.Errorf("the line is %q", line)
		}
	}
}

func TestRawIsExact(t *testing.T) {
	value := "\x1b[31m\xff\n\t\x00"
	if got := string(Raw{}.Append(nil, record("t", 0, 0, "", value))); got != value+"\n" {
		t.Errorf("got %q", got)
	}
}

// checkSafe checks that output has nothing that a terminal would act on, except newlines
// and the theme's escapes.
func checkSafe(t *testing.T, name string, out []byte, colors *theme.Theme) {
	t.Helper()
	if !utf8.Valid(out) {
		t.Errorf("%s: not UTF-8: %q", name, out)
	}
	text := string(out)
	if colors.Enabled() {
		own := []string{colors.Critical, colors.Warning, colors.Good, colors.Dim, colors.Strong, colors.Key, colors.Text, colors.Number, colors.Word, colors.Match, colors.Hostile, colors.Reset}
		for _, escape := range append(own, colors.Sources...) {
			text = strings.ReplaceAll(text, escape, "")
		}
	}
	for i, r := range text {
		if r != '\n' && termsafe.Hidden(r) {
			t.Errorf("%s: %U at %d of %q", name, r, i, text)
			return
		}
	}
}

func FuzzHostile(f *testing.F) {
	for _, r := range append(ours(), others()...) {
		f.Add(r.Key, r.Value, "h", []byte("v"))
	}
	f.Add([]byte("\x9b31m"), []byte("\x00\x00\x00\x00\x01\x1b[2J"), "dlq-reason", []byte("\x1b[31m"))
	colors := theme.New(termenv.ANSI256)
	views := inventoryViews(f)
	for topic, v := range views {
		views["others"] = v
		_ = topic
		break
	}
	views["lines"] = views["inv-product-log"]
	f.Fuzz(func(t *testing.T, key, value []byte, header string, content []byte) {
		format, _ := NewFormat("%t %k %v %h{%k %v}\n", true)
		highlight, _ := NewHighlight(NewPretty(PrettyOptions{Theme: colors, Location: time.UTC, Now: time.UnixMilli(noon), Views: views}), []string{"a."}, colors.Match, colors.Reset)
		for name, r := range map[string]Renderer{
			"pretty":    NewPretty(PrettyOptions{Location: time.UTC, Now: time.UnixMilli(noon), Views: views, Headers: true}),
			"color":     NewPretty(PrettyOptions{Theme: colors, Location: time.UTC, Now: time.UnixMilli(noon), Views: views, Width: 40, Headers: true}),
			"highlight": highlight,
			"json":      NewJSON(nil, views),
			"jsoncolor": NewJSON(colors, views),
			"raw":       Raw{Safe: true},
			"format":    format,
			"yaml":      &YAML{},
			"csv":       &CSV{Safe: true},
		} {
			for _, topic := range []string{"plain", "order_events", "inventory_updates", "lines"} {
				one := &Record{Topic: topic, Timestamp: noon, Key: key, Value: value}
				checkSafe(t, "detail", []byte(strings.Join(Detail(one, colors, time.UTC, nil), "\n")), colors)
				one.SetHeaders([]fetch.Header{{Key: header, Value: content}, {Key: "inv-fault", Value: content}, {Key: "dlq-reason", Value: content}, {Key: "n"}})
				out := render(r, []*Record{one})
				checkSafe(t, name, out, colors)
				checkParses(t, name, out)
			}
		}
	})
}

// checkParses parses the formats for programs.
func checkParses(t *testing.T, name string, out []byte) {
	t.Helper()
	switch name {
	case "json":
		for _, line := range lines(string(out)) {
			if !json.Valid([]byte(line)) {
				t.Errorf("not JSON: %s", line)
			}
		}
	case "yaml":
		var v any
		if err := yaml.Unmarshal(out, &v); err != nil {
			t.Errorf("not YAML: %v\n%s", err, out)
		}
	case "csv":
		if _, err := csv.NewReader(bytes.NewReader(out)).ReadAll(); err != nil {
			t.Errorf("not CSV: %v\n%s", err, out)
		}
	}
}

// A time below zero is one before 1970, in a record and in a view's field.
func TestTimesBelowZero(t *testing.T) {
	r := record("order_events", 0, 1, "k", `{"order_id":"o","timestamp":-86400001}`)
	p := NewPretty(PrettyOptions{Location: time.UTC, Now: time.UnixMilli(noon), Views: inventoryViews(t)})
	if got := string(p.Append(nil, r)); !strings.HasPrefix(got, "1969-12-30 23:59:59.999 ") {
		t.Errorf("a view's time is %s", got)
	}
	for ms, want := range map[int64]string{-2: "1969-12-31 23:59:59.998", noTime: "none", -1 << 63: "-9223372036854775808"} {
		r.Timestamp = ms
		if got := strings.Join(Detail(r, &theme.Theme{}, time.UTC, nil), "\n"); !strings.Contains(got, "time    "+want) {
			t.Errorf("the time %d is\n%s", ms, got)
		}
	}
}

// A byte order mark before JSON does not make it text; before other text, it is shown.
func TestByteOrderMark(t *testing.T) {
	marked, plain := record("order_events", 0, 1, "k", "\ufeff"+string(ours()[2].Value)), record("order_events", 0, 1, "k", string(ours()[2].Value))
	views := inventoryViews(t)
	for name, r := range map[string]func() Renderer{
		"pretty": func() Renderer {
			return NewPretty(PrettyOptions{Location: time.UTC, Now: time.UnixMilli(noon), Views: views})
		},
		"plain": func() Renderer { return NewPretty(PrettyOptions{Location: time.UTC, Now: time.UnixMilli(noon)}) },
		"json":  func() Renderer { return NewJSON(nil, views) },
		"yaml":  func() Renderer { return &YAML{} },
	} {
		if got, want := string(render(r(), []*Record{marked})), string(render(r(), []*Record{plain})); got != want {
			t.Errorf("%s is\n%swant\n%s", name, got, want)
		}
		if got := string(render(r(), []*Record{record("t", 0, 1, "k", "\ufefftext")})); !strings.Contains(strings.ToLower(got), "feff") {
			t.Errorf("%s hides the mark of a text: %s", name, got)
		}
	}
	if got := string((Raw{}).Append(nil, marked)); got != string(marked.Value)+"\n" {
		t.Errorf("raw is %q", got)
	}
}

func TestFormatLayouts(t *testing.T) {
	if _, err := NewFormat("%z", false); err == nil {
		t.Error("a malformed layout compiles")
	}
	f, err := NewFormat("%v", false)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(f.Append(nil, record("t", 0, 0, "", "%k %s {{.}}"))); got != "%k %s {{.}}" {
		t.Errorf("a record is no layout: %q", got)
	}
}

func TestClockOverZones(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	c := newClock(berlin, time.UnixMilli(noon))
	for _, at := range []time.Time{
		time.UnixMilli(noon), time.Date(2021, 3, 28, 0, 59, 59, 999e6, time.UTC), time.Date(2021, 3, 28, 1, 0, 0, 0, time.UTC),
		time.Date(2021, 10, 31, 0, 59, 0, 0, time.UTC), time.Date(2021, 10, 31, 1, 0, 0, 0, time.UTC), time.Date(2021, 7, 1, 22, 0, 0, 0, time.UTC),
		time.UnixMilli(0), time.UnixMilli(maxTime - msPerDay), time.UnixMilli(-5), time.UnixMilli(-123456789), time.UnixMilli(minTime + msPerDay),
	} {
		want := at.In(berlin).Format("2006-01-02 15:04:05.000")
		got := string(c.appendTime(nil, at.UnixMilli()))
		if got != want && (got != want[5:] && got != want[11:] || want[:4] != "2021") {
			t.Errorf("%v: %q, want %q", at, got, want)
		}
	}
	for _, form := range []TimeForm{TimeOfDay, Relative, EpochMs} {
		c.form, c.now = form, func() time.Time { return time.UnixMilli(noon) }
		if got := fmt.Sprint(string(c.appendTime(nil, -1<<63)), " ", string(c.appendTime(nil, 1<<62)), " ", string(c.appendTime(nil, noTime))); got != "-9223372036854775808 4611686018427387904 --:--:--.---" {
			t.Errorf("out of range: %q", got)
		}
	}
}
