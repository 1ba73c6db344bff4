package files

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/scenario"
	"inv/processor/forward"
)

var update = flag.Bool("update", false, "write the golden files")

func TestNames(t *testing.T) {
	for _, name := range []string{
		publishedName("a-1.b", 12, 34, "jsonl.zst"), publishedName("a-1.b", 0, math.MaxInt64, "parquet"),
	} {
		p, ok := parsePublished(name, "a-1.b")
		if !ok || publishedName("a-1.b", p.partition, p.offset, p.extension) != name {
			t.Errorf("%s: %v, %v", name, p, ok)
		}
	}
	for _, name := range []string{
		"", "a", "a-1-00000000000000000001", "a-1-00000000000000000001.txt", "a-01-00000000000000000001.csv", "a-1-1.csv", "a--1-00000000000000000001.csv",
		"a-4294967296-00000000000000000001.csv", "a-1-99999999999999999999.csv", "b-1-00000000000000000001.csv", "a-1-+0000000000000000001.csv", "a-1-09223372036854775808.csv",
	} {
		if p, ok := parsePublished(name, "a"); ok {
			t.Errorf("%q is %v", name, p)
		}
	}
	for name, want := range map[string]hidden{
		claimName(3, 7): {3, 7, ""}, hiddenName(3, 7, "abc"): {3, 7, "abc"},
	} {
		if h, ok := parseHidden(name); !ok || h != want {
			t.Errorf("%s: %v, %v", name, h, ok)
		}
	}
	for _, name := range []string{".inv", markName(3), ".inv-new-abc", ".inv-3-1", claimName(3, 0), claimName(3, 7) + "-", hiddenName(3, 7, "a/b"), hiddenName(3, 7, "a-b"), ".inv-x-00000000000000000001"} {
		if h, ok := parseHidden(name); ok {
			t.Errorf("%q is %v", name, h)
		}
	}
}

func TestDecimalText(t *testing.T) {
	for _, c := range []struct {
		digits   string
		negative bool
		scale    int
		want     string
	}{
		{"", false, 2, "0.00"}, {"5", true, 2, "-0.05"}, {"1250", false, 2, "12.50"}, {"7", false, 0, "7"}, {"", false, 0, "0"},
		{strings.Repeat("9", 38), true, 0, "-" + strings.Repeat("9", 38)}, {strings.Repeat("9", 38), false, 38, "0." + strings.Repeat("9", 38)},
		{"18446744073709551616", false, 1, "1844674407370955161.6"}, {"18446744073709551615", false, 19, "1.8446744073709551615"},
	} {
		d := decimalOf([]byte(c.digits), c.negative)
		if got := string(d.appendText(nil, c.scale)); got != c.want {
			t.Errorf("%s by %d: %s, want %s", c.digits, c.scale, got, c.want)
		}
		n := new(big.Int)
		n.SetString("0"+c.digits, 10)
		if c.negative {
			n.Neg(n).Add(n, new(big.Int).Lsh(big.NewInt(1), 128))
		}
		if got := d.appendBigEndian(nil); !bytes.Equal(got, n.FillBytes(make([]byte, 16))) {
			t.Errorf("%s in two's complement: %x", c.digits, got)
		}
	}
}

// goldenRecords are rows without columns.
func goldenRecords() []*forward.Record {
	list := []*forward.Record{
		rec(0, "plain", `{"a":1}`), rec(1, "", ` { "spaces" : [ 1, 2 ],
  "b": "é" } `), rec(2, "text", "not JSON"), rec(3, "text", "two\nlines, \"quotes\" and é"), rec(4, "formula", "=1+1"),
		rec(5, "string", `"=2+2"`), rec(6, "null", "null"), rec(7, "big", "12345678901234567890.10"), rec(8, "escape", "\"\x1b[31m\\u001b\"")}
	list[8].JSON = nil // a raw control character is not JSON
	tombstone := rec(9, "tombstone", "")
	tombstone.Value, tombstone.JSON = nil, nil
	empty := rec(10, "empty", "")
	empty.JSON = nil
	keyless := rec(11, "", "1")
	keyless.Key, keyless.Time = nil, -1
	replayed := rec(12, "replayed", "2")
	replayed.Topic, replayed.Partition, replayed.Offset = "payments", 1, 77
	return append(list, tombstone, empty, keyless, replayed)
}

// typedGolden are rows with columns.
func typedGolden() []*forward.Record {
	return append(typedRecords(2), rec(30, "k", `{"t":"","f":"NaN","j":null}`), rec(31, "k", `{"t":{"a":[1]},"f":-1e300,"i":"9223372036854775807","b":false,"small":"-0.05","mid":0,"big":-1,"seen":"2023-11-14T22:13:20Z","j":"x, y"}`),
		rec(32, "k", `{"f":"Infinity","small":999.99}`))
}

func TestGolden(t *testing.T) {
	for _, format := range []string{"jsonl", "csv"} {
		for _, c := range []struct {
			name    string
			columns []scenario.SinkColumn
			records []*forward.Record
		}{{"whole", nil, goldenRecords()}, {"columns", typedColumns(), typedGolden()}, {"place", []scenario.SinkColumn{}, goldenRecords()[:2]}} {
			sys := newMemory()
			stream := open(t, testStore(t, sys, scenario.FilesSink{Format: format, Columns: c.columns}), orders)
			appendRows(t, stream, c.records...)
			flush(t, stream, 100)
			got := content(t, sys, filepath.Join("lake/orders", names(t, sys, "lake/orders", "orders-")[0]))
			path := filepath.Join("testdata", c.name+"."+format)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s:\n%s", path, got)
			}
			checkGolden(t, format, got, c.records)
		}
	}
}

// checkGolden has the standard library read a file.
func checkGolden(t *testing.T, format, text string, records []*forward.Record) {
	if format == "csv" {
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(rows) != len(records)+1 {
			t.Errorf("%d rows, %v", len(rows), err)
		}
		return
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != len(records) {
		t.Errorf("%d lines of %d records", len(lines), len(records))
	}
	for i, line := range lines {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil || row["_offset"] != float64(records[i].Offset) {
			t.Errorf("line %d: %v\n%s", i, err, line)
		}
	}
}

// TestShow: the line of a dry run is that of the file.
func TestShow(t *testing.T) {
	for format, want := range map[string]string{
		"csv":     "orders,3,5,1700000000005,k,1\n",
		"parquet": `{"_topic":"orders","_partition":3,"_offset":5,"_time":1700000000005,"_key":"k","value":1}` + "\n",
	} {
		var b strings.Builder
		if err := testStore(t, newMemory(), scenario.FilesSink{Format: format}).Show(&b, rec(5, "k", "1")); err != nil || b.String() != want {
			t.Errorf("%s: %q, %v", format, b.String(), err)
		}
	}
}

func TestRefused(t *testing.T) {
	badKey, badValue := rec(1, "\xff", "1"), rec(1, "k", "\xff")
	for _, c := range []struct {
		columns        []scenario.SinkColumn
		r              *forward.Record
		reason, detail string
	}{
		{nil, badKey, forward.NotUnicode, "column _key (text)"}, {nil, badValue, forward.NotUnicode, "column value (text)"},
		{nil, rec(1, "k", "\"\xff\""), forward.NotUnicode, "column value (text)"},
		{typedColumns(), rec(1, "k", `{"t":"\ud800"}`), forward.NotUnicode, "column t (text)"},
		{typedColumns(), rec(1, "k", `{"small":1000}`), forward.Refused, `column small (decimal(5,2)): "1000" has more than 3 digits before the point`},
		{typedColumns(), rec(1, "k", `{"small":0.001}`), forward.Refused, `column small (decimal(5,2)): "0.001" has more than 2 decimals`},
		{typedColumns(), rec(1, "k", `{"b":1}`), forward.Refused, `column b (bool): "1" is neither true nor false`},
		{typedColumns(), rec(1, "k", `{"seen":"today"}`), forward.Refused, "column seen (time_ms)"},
		{typedColumns(), rec(1, "k", `not JSON`), forward.NotJSON, "not JSON"},
	} {
		_, err := newRower(testStore(t, newMemory(), scenario.FilesSink{Columns: c.columns}).layout).row(c.r)
		poison, ok := err.(*forward.RecordError)
		if !ok || poison.Record != c.r || poison.Reason != c.reason || !strings.Contains(err.Error(), c.detail) {
			t.Errorf("%s: %v; want %s, %s", c.r.Value, err, c.reason, c.detail)
		}
	}
}

func TestOptions(t *testing.T) {
	for want, sink := range map[string]scenario.FilesSink{
		`format "xml" is unknown`:                {Format: "xml"},
		`column a: type "blob" is unknown`:       {Format: "csv", Columns: []scenario.SinkColumn{{Name: "a", Type: "blob"}}},
		"column _topic is there twice":           {Format: "csv", Columns: []scenario.SinkColumn{{Name: "_topic", Type: "text"}}},
		"a decimal in files has 1 to 38 digits":  {Format: "csv", Columns: []scenario.SinkColumn{{Name: "a", Type: "decimal", Total: 39}}},
		"column a: a decimal in files has 1 to ": {Format: "csv", Columns: []scenario.SinkColumn{{Name: "a", Type: "decimal", Total: 3, Scale: 4}}},
	} {
		if _, err := New(Options{App: "a", Name: "b", Folder: "c", Sink: &sink}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
	if _, err := New(Options{App: "a", Name: "b", Sink: &scenario.FilesSink{Format: "csv"}}); err == nil {
		t.Error("a folder without name is taken")
	}
}

func TestScanLines(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	for _, c := range []struct {
		text       string
		csv        bool
		rows, last int64
		wrong      string
	}{
		{"", false, 0, -1, ""}, {"h\n", true, 0, -1, ""}, {"", true, 0, 0, "not complete"},
		{`{"_topic":"t","_partition":0,"_offset":5,"v":1}` + "\n", false, 1, 5, ""},
		{`{"_topic":"t","_partition":0,"_offset":5}` + "\n" + `{"_topic":"t","_partition":0,"_offset":6,"v":"` + long + `"}` + "\n", false, 2, 6, ""},
		{`{"_topic":"t","_partition":0,"_offset":5}` + "\n{", false, 0, 0, "not complete"},
		{`{"_topic":"t","_offset":5}` + "\n", false, 0, 0, "no offset"}, {"\n", false, 0, 0, "no offset"},
		{`{"_topic":"t","_partition":0,"_offset":-5}` + "\n", false, 0, 0, "no offset"},
		{"_topic,_partition,_offset,v\nt,0,7,\"a\nb,\"\"c\n\"\nt,0,9,\"" + long + "\n\"\n", true, 2, 9, ""}, {"h\nt,0,8\n", true, 1, 8, ""},
		{"h\nt,0,7,\"a\n", true, 0, 0, "not complete"}, {"h\nt,0\n", true, 0, 0, "no offset"}, {"h\nt,0,9223372036854775807\n", true, 0, 0, "no offset"},
	} {
		rows, last, err := scanLines(strings.NewReader(c.text), c.csv)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%.80q: %v; want %s", c.text, err, c.wrong)
			}
		} else if err != nil || rows != c.rows || last != c.last {
			t.Errorf("%.80q: %d, %d, %v", c.text, rows, last, err)
		}
	}
}

func TestIdentityDifference(t *testing.T) {
	base := func() *identity {
		return &identity{Version: 1, App: "inv", Sink: "lake", Topic: "orders", TopicID: "id-1", Format: "csv", Columns: []identityColumn{{"_topic", "text"}, {"n", "int"}}}
	}
	for want, change := range map[string]func(*identity){
		"": func(*identity) {},
		`the application is "inv" there and "other" here`:                                              func(d *identity) { d.App = "other" },
		`the sink is "lake" there and "pond" here`:                                                     func(d *identity) { d.Sink = "pond" },
		`the topic is "orders" there and "Orders" here`:                                                func(d *identity) { d.Topic, d.TopicID = "Orders", "id-2" },
		"topic orders has been recreated, or is another cluster's: its id is id-1 there and id-2 here": func(d *identity) { d.TopicID = "id-2" },
		`the format is "csv" there and "parquet" here`:                                                 func(d *identity) { d.Format = "parquet" },
		"column 2 is n int there and n decimal(3,1) here; column more int is missing there": func(d *identity) {
			d.Columns = []identityColumn{{"_topic", "text"}, {"n", "decimal(3,1)"}, {"more", "int"}}
		},
		"column n int is missing here": func(d *identity) { d.Columns = d.Columns[:1] },
		`the sink is "lake" there and "a" here; the format is "csv" there and "jsonl" here`: func(d *identity) { d.Sink, d.Format = "a", "jsonl" },
	} {
		has, err := parseIdentity(base().encode())
		if err != nil {
			t.Fatal(err)
		}
		wants := base()
		change(wants)
		if got := has.difference(wants); got != want {
			t.Errorf("%s; want %s", got, want)
		}
	}
	older := base()
	older.TopicID = "" // of a broker without topic ids
	if got := older.difference(base()); got != "" {
		t.Error(got)
	}
}

func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"", "a", "a,b", "\"", " a", "a\nb", "\r", "=1", "\ta"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		line := append(appendCSV([]byte("x,"), []byte(text)), '\n')
		row, err := csv.NewReader(bytes.NewReader(line)).Read()
		want := strings.ReplaceAll(text, "\r\n", "\n") // as the reader has it
		if err != nil || len(row) != 2 || row[1] != want {
			t.Fatalf("%q: %q, %v", line, row, err)
		}
		if rows, _, _ := scanLines(bytes.NewReader(append(line, "t,0,1\n"...)), true); rows != 1 {
			t.Fatalf("%q: %d rows", line, rows)
		}
	})
}

// FuzzScanLines: no input is read beyond its bounds, and what is right is found.
func FuzzScanLines(f *testing.F) {
	for _, seed := range []string{"", "\n", "h\nt,0,7\n", "{\"_topic\":\"t\",\"_partition\":0,\"_offset\":5}\n", "h\n\"\n\"\n"} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, isCSV bool) {
		rows, last, err := scanLines(bytes.NewReader(text), isCSV)
		if err == nil && (rows < 0 || last < -1 || last == -1 && rows > 0) {
			t.Fatalf("%q: %d, %d", text, rows, last)
		}
		if isCSV || bytes.ContainsAny(text, "\n") {
			return
		}
		text = append(text, fmt.Sprintf("\n{\"_topic\":\"t\",\"_partition\":0,\"_offset\":%d,\"v\":%q}\n", len(text), text)...)
		if _, last, err := scanLines(bytes.NewReader(text), false); err != nil || last != int64(bytes.IndexByte(text, '\n')) {
			t.Fatalf("%q: %d, %v", text, last, err)
		}
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add([]byte(`{"version":1,"topic":"a","columns":[{"name":"a","type":"int"}]}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseIdentity(b)
		if err != nil {
			return
		}
		again, err := parseIdentity(d.encode())
		if err != nil || again.difference(d) != "" {
			t.Fatalf("%s: %v, %v", b, again, err)
		}
	})
}

func FuzzClaim(f *testing.F) {
	f.Add([]byte(`{"id":"a","next":-1}`))
	f.Add((&claim{ID: "a", Next: 9, File: hiddenName(3, 7, "x"), Name: publishedName("orders", 3, 5, "csv"), Rows: 2}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseClaim(b, "orders", 3, 7)
		if err != nil {
			return
		}
		for _, name := range []string{c.File, c.Name} {
			if strings.ContainsAny(name, "/\\\x00") || filepath.Base(name) != name && name != "" {
				t.Fatalf("a name out of the folder: %q", name)
			}
		}
		if c.File != "" && (!strings.HasPrefix(c.File, claimName(3, 7)+"-") || !strings.HasPrefix(c.Name, "orders-3-")) {
			t.Fatalf("names of others: %+v", c)
		}
	})
}

func FuzzParquet(f *testing.F) {
	sys := newMemory()
	s, err := New(Options{App: "inv", Name: "lake", Folder: "lake", Sink: &scenario.FilesSink{Format: "parquet"}})
	if err != nil {
		f.Fatal(err)
	}
	s.sys = sys
	stream := open(f, s, orders)
	appendRows(f, stream, rec(0, "k", "1"))
	flush(f, stream, 1)
	f.Add([]byte(content(f, sys, filepath.Join("lake/orders", names(f, sys, "lake/orders", "orders-")[0]))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if next, err := parquetNext(&memoryFile{m: newMemory(), n: &inode{data: b}}); err == nil && next < 0 {
			t.Fatal(next)
		}
	})
}
