package scenario

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// The specification's sinks, whole.
func TestSampleSinks(t *testing.T) {
	source, err := os.ReadFile("testdata/sinks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := read(t, string(source))
	var got []string
	for i := range s.Sinks {
		got = append(got, briefSink(&s.Sinks[i]))
	}
	want := []string{
		`purchase-orders [reorders] lane=product_id POST <${PROCUREMENT_URL} "/purchase-orders"> idempotency=event_id sign=<${PROCUREMENT_SECRETS}> body={reference:<event_id> sku:<product_id> quantity:<reorder_quantity> rush:(.priority == "urgent")} limit=20/1s`,
		`warehouse-mail [alerts] by=warehouse_id wait=30s every=5m0s <${SMTP_URL}> from <"inv@example.com"> to [<"ops@example.com">] wh-east-1:[<"east@example.com">] <$count " critical in " warehouse_id> line=<product_name ": " current_stock " left (≤" threshold ")">`,
		`warehouse-text [alerts] where=.current_stock == 0 by=warehouse_id wait=1m0s every=1m0s POST <${SMS_URL}> form=[To:<${SMS_TO}> From:<"inv"> Body:<$count " products out of stock in " warehouse_id>] limit=1/1m0s`,
		`lake [catalog orders updates reorders alerts receipts] <"lake"> parquet 1000000 5m0s`,
		`warehouse-db [catalog orders updates reorders alerts receipts] <${PG_URL}> stock upsert=true key=product_id newest=seq current_stock:int=current_stock unit_price:decimal(12,2)=unit_price timestamp:time_ms=timestamp; else events upsert=false`,
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if s := s.Sinks[0]; s.Lanes != 64 || s.Timeout != 30*time.Second || s.Latest || s.Off || s.Pos != (Position{10, 3}) {
		t.Errorf("%+v", s)
	}
}

// briefSink writes a sink in one line.
func briefSink(s *Sink) string {
	out := []string{s.Name, fmt.Sprint(s.From)}
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if s.Where != nil {
		add("where=%s", s.Where.Source)
	}
	if s.Lane != nil {
		add("lane=%s", selectorText(*s.Lane))
	}
	if s.Group != nil {
		add("by=%s wait=%s every=%s", selectorText(s.Group.By), s.Group.Wait, s.Group.Every)
	}
	if h := s.HTTP; h != nil {
		add("%s %s", h.Method, textText(h.URL))
		if h.IdempotencyKey != nil {
			add("idempotency=%s", selectorText(*h.IdempotencyKey))
		}
		if h.Sign != nil {
			add("sign=%s", textText(*h.Sign))
		}
		if h.Body != nil {
			add("body=%s", bodyText(*h.Body))
		}
		if h.Form != nil {
			add("form=[%s]", namedText(h.Form))
		}
		add("limit=%d/%s", h.Limit.Count, h.Limit.Per)
	}
	if e := s.Email; e != nil {
		add("%s from %s to %s", textText(e.Server), textText(e.From), textsText(e.To))
		for _, by := range e.ToBy {
			add("%s:%s", by.Value, textsText(by.To))
		}
		add("%s line=%s", textText(e.Subject), textText(*e.Line))
	}
	if f := s.Files; f != nil {
		add("%s %s %d %s", textText(f.Folder), f.Format, f.Rows, f.After)
	}
	if p := s.Postgres; p != nil {
		add("%s", textText(p.URL))
		for _, table := range p.Tables {
			add("%s upsert=%v key=%s newest=%s %s", table.Name, table.Upsert, selectorText(*table.Key), selectorText(*table.Newest), columnsText(table.Columns))
		}
		out[len(out)-1] += ";"
		add("else %s upsert=%v", p.Else.Name, p.Else.Upsert)
	}
	return strings.Join(out, " ")
}

func selectorText(s Selector) string {
	if s.JQ != nil {
		return "(" + s.JQ.Source + ")"
	}
	return strings.Join(s.Path, ".")
}

func textText(t SinkText) string {
	var out []string
	for _, p := range t.Parts {
		switch {
		case p.Variable != "":
			out = append(out, "${"+p.Variable+"}")
		case p.Meta != "":
			out = append(out, "$"+p.Meta)
		case p.Path != nil:
			out = append(out, strings.Join(p.Path, "."))
		default:
			out = append(out, fmt.Sprintf("%q", p.Literal))
		}
	}
	return "<" + strings.Join(out, " ") + ">"
}

func textsText(texts []SinkText) string {
	var out []string
	for _, t := range texts {
		out = append(out, textText(t))
	}
	return "[" + strings.Join(out, " ") + "]"
}

func bodyText(b Body) string {
	switch b.Kind {
	case BodyText:
		return textText(*b.Text)
	case BodyJQ:
		return "(" + b.JQ.Source + ")"
	case BodyObject:
		return "{" + namedText(b.Object) + "}"
	case BodyList:
		var out []string
		for _, item := range b.List {
			out = append(out, bodyText(item))
		}
		return "[" + strings.Join(out, " ") + "]"
	}
	return b.Literal
}

func namedText(members []NamedBody) string {
	var out []string
	for _, m := range members {
		out = append(out, m.Name+":"+bodyText(m.Body))
	}
	return strings.Join(out, " ")
}

func columnsText(columns []SinkColumn) string {
	var out []string
	for _, c := range columns {
		kind := c.Type
		if kind == "decimal" {
			kind = fmt.Sprintf("decimal(%d,%d)", c.Total, c.Scale)
		}
		out = append(out, c.Name+":"+kind+"="+selectorText(c.From))
	}
	return strings.Join(out, " ")
}

// A sink's own topics are added to those of the file, unless it declares them.
func TestSinkTopics(t *testing.T) {
	const file = "scenario: t\ntopics: {a: {topic: a}, forward-x.retry: {topic: \"{app}-forward-x.retry\", partitions: 1, replication_factor: 3}}\nsinks:\n  x: {from: a, files: {folder: f, format: csv}}\n  y: {from: [a], files: {folder: g, format: csv}}\n"
	s := read(t, file)
	var got []string
	for _, topic := range s.Topics {
		got = append(got, fmt.Sprint(topic.Alias, " ", strings.Join(s.TopicNames(topic.Alias, "shop"), " "), " ", topic.Partitions, topic.Replicas, " ", topic.Sink))
	}
	want := "a a 6 0 ; forward-x.retry shop-forward-x.retry 1 3 x; forward-x.dlq shop-forward-x.dlq 1 0 x; forward-y.dlq shop-forward-y.dlq 1 0 y; forward-y.retry shop-forward-y.retry 1 0 y"
	if strings.Join(got, "; ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "; "), want)
	}
	for old, wrong := range map[string]string{
		`topic: "{app}-forward-x.retry"`: `4:3: sink "x": the topic with the alias "forward-x.retry" is its own, and needs ~topic: "{app}-forward-x.retry"~, ~partitions: 1~ and ~cleanup: delete~`,
		"sinks:":                         `3:14: topology "forward-x" has the consumer group of sink "x"; give it another name`,
	} {
		source := strings.Replace(file, old, map[bool]string{true: "topologies: {forward-x: {from: {a: }, emit: [{to: b}]}}\nsinks:", false: "topic: other"}[old == "sinks:"], 1)
		source = strings.Replace(source, "topics: {a: {topic: a}", "topics: {a: {topic: a}, b: {topic: b}", 1)
		if _, problems := Read("f.yaml", []byte(source)); problems.Error() != "f.yaml:"+strings.ReplaceAll(wrong, "~", "`") {
			t.Error(problems)
		}
	}
}

// Hostile files with sinks neither panic nor hang; each expression is where it is said to
// be, and so is each placeholder.
func FuzzReadSinks(f *testing.F) {
	source, err := os.ReadFile("testdata/sinks.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(source)
	for _, c := range sinkMistakes() {
		f.Add([]byte(sinkHead + "  s: " + c.sink + "\n"))
	}
	f.Add([]byte("scenario: t\ntopics: {a: {topic: a}}\nsinks:\n  x:\n    from: a\n    http:\n      post: >-\n        http://h/\n        {x}\n      body:\n        a: \"\\u007bx}${Y}\"\n        b: |\n          {x}\n          {y}\n"))
	f.Fuzz(func(t *testing.T, source []byte) {
		s, problems := Read("f.yaml", source)
		if s == nil {
			return
		}
		lines := textOf(string(source))
		plain := len(problems) == 0 && !strings.ContainsAny(string(source), "\r\u0085\u2028\u2029\ufeff\\")
		for i := range s.Sinks {
			sink := &s.Sinks[i]
			records, messages := sink.Expressions()
			for _, x := range append(records, messages...) {
				switch misplaced := lines.misplaced(x); {
				case x.Source == "":
					t.Fatal("an empty expression")
				case plain && misplaced != "":
					t.Fatal(misplaced)
				}
			}
			for _, text := range sink.Texts() {
				for _, p := range text.Parts {
					if set := p.Literal != ""; set == (p.Variable != "" || p.Path != nil || p.Meta != "") {
						t.Fatalf("%+v", p)
					} else if want := map[bool]rune{true: '$', false: '{'}[p.Variable != ""]; plain && !set && lines[p.Pos.Line-1][p.Pos.Column-1] != want {
						t.Fatalf("%+v is not at %v", p, p.Pos)
					}
				}
			}
		}
		s.Notes()
		if len(problems) == 0 {
			for i := range s.Sinks {
				if sink := &s.Sinks[i]; len(sink.From) == 0 || sink.HTTP == nil && sink.Email == nil && sink.Files == nil && sink.Postgres == nil {
					t.Fatalf("%+v", sink)
				}
			}
		}
	})
}
