package files

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"inv/internal/scenario"
	"inv/processor/forward"
)

// python returns a python that has duckdb and pyarrow.
func python(t *testing.T) string {
	t.Helper()
	if os.Getenv("INV_FORWARD") != "1" {
		t.Skip("needs DuckDB and PyArrow: see .ci/forward")
	}
	path := os.Getenv("INV_PYTHON")
	if path == "" {
		t.Fatal("INV_PYTHON must be a python with duckdb and pyarrow")
	}
	return path
}

// typedColumns are of every type.
func typedColumns() []scenario.SinkColumn {
	var list []scenario.SinkColumn
	add := func(name, kind string, total, scale int) {
		list = append(list, scenario.SinkColumn{Name: name, Type: kind, Total: total, Scale: scale, From: scenario.Selector{Path: []string{name}}})
	}
	add("t", "text", 0, 0)
	add("i", "int", 0, 0)
	add("f", "float", 0, 0)
	add("b", "bool", 0, 0)
	add("small", "decimal", 5, 2)
	add("mid", "decimal", 18, 4)
	add("big", "decimal", 38, 10)
	add("seen", "time_ms", 0, 0)
	add("j", "json", 0, 0)
	return list
}

// typedRecords are rows of such columns, every tenth one with nulls only.
func typedRecords(n int64) (list []*forward.Record) {
	for i := range n {
		value := fmt.Sprintf(`{"t":"a, \"b\"\nc %03d é","i":%d,"f":%d.5,"b":%v,"small":"%d.25","mid":%d.0001,"big":100000000000000000000000.0000000001,"seen":%d,"j":{"x":"y%03d"}}`,
			i, i-5, i, i%2 == 0, i%100, -i, 1700000000000+i, i)
		if i%10 == 9 {
			value = `{"t":null}`
		}
		list = append(list, rec(i*3, "k", value))
	}
	return list
}

// TestRealReaders: DuckDB and PyArrow read all formats, with the same types, counts and sums.
func TestRealReaders(t *testing.T) {
	python := python(t)
	for _, sink := range []scenario.FilesSink{
		{Format: "parquet"}, {Format: "jsonl"}, {Format: "jsonl", Zstd: true}, {Format: "csv"}, {Format: "csv", Zstd: true},
	} {
		sink.Columns, sink.Rows = typedColumns(), 400
		t.Run(fmt.Sprint(sink.Format, map[bool]string{true: " zstd"}[sink.Zstd]), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lake")
			stream := open(t, testStore(t, nil, sink, func(o *Options) { o.Folder = path }), orders)
			const n = 1000
			appendRows(t, stream, typedRecords(n)...)
			flush(t, stream, 3*n)
			checkReaders(t, readWith(t, python, sink.Format, path), sink.Format, n)
		})
	}
}

// TestRealWhole: DuckDB and PyArrow read files without columns.
func TestRealWhole(t *testing.T) {
	python := python(t)
	for _, sink := range []scenario.FilesSink{{Format: "parquet"}, {Format: "jsonl", Zstd: true}, {Format: "csv"}} {
		path := filepath.Join(t.TempDir(), "lake")
		stream := open(t, testStore(t, nil, sink, func(o *Options) { o.Folder = path }), orders)
		records := goldenRecords()
		appendRows(t, stream, records...)
		flush(t, stream, 100)
		got := readWith(t, python, sink.Format, path)["whole"]
		want := map[string]any{"n": float64(len(records)), "offsets": float64(0+1+2+3+4+5+6+7+8+9+10+11) + 77, "keys": float64(len(records) - 1),
			"values": float64(len(records) - 1), "times": float64(len(records) - 1), "last": float64(1700000000012), "text": "two\nlines, \"quotes\" and é", "topics": float64(2)}
		if sink.Format == "jsonl" {
			want["values"] = float64(len(records) - 2) // JSON's null and a tombstone are the same
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%v, want\n%v", sink.Format, got, want)
		}
	}
}

func readWith(t *testing.T, python, format, path string) map[string]map[string]any {
	t.Helper()
	cmd := exec.Command(python, "testdata/read.py", format, path)
	cmd.Stderr = os.Stderr
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	out := map[string]map[string]any{}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return out
}

func checkReaders(t *testing.T, out map[string]map[string]any, format string, n int) {
	t.Helper()
	var offsets, i, f, b, small, mid, at, rows int64
	for k := range int64(n) {
		offsets += 3 * k
		if k%10 == 9 {
			continue
		}
		rows++
		i += k - 5
		f += k
		small += k%100*100 + 25
		mid += -k*10000 - map[bool]int64{true: -1, false: 1}[k == 0]
		at += 1700000000000 + k
		if k%2 == 0 {
			b++
		}
	}
	decimal := func(n int64, scale int) string {
		text := fmt.Sprintf("%0*d", scale+1, n)
		return text[:len(text)-scale] + "." + text[len(text)-scale:]
	}
	big := fmt.Sprintf("%d%s.%010d", rows, strings.Repeat("0", 23), rows)
	want := map[string]any{"n": float64(n), "distinct": float64(n), "offsets": float64(offsets), "i": float64(i), "f": float64(f) + float64(rows)/2,
		"b": float64(b), "small": decimal(small, 2), "mid": decimal(mid, 4), "big": big, "seen": float64(at), "texts": float64(rows),
		"text": "a, \"b\"\nc 998 é", "json": float64(rows), "x": "y998"}
	if got := out["duckdb"]; !reflect.DeepEqual(got, want) {
		t.Errorf("duckdb:\n%v, want\n%v", got, want)
	}
	arrow := map[string]any{}
	for _, k := range []string{"n", "offsets", "i", "f", "texts", "small", "mid", "big"} {
		if arrow[k] = want[k]; format == "jsonl" && (k == "small" || k == "mid" || k == "big") {
			arrow[k] = nil // its reader of JSON has no decimals
		}
	}
	if got := out["arrow"]; !reflect.DeepEqual(got, arrow) {
		t.Errorf("arrow:\n%v, want\n%v", got, arrow)
	}
	if format == "parquet" {
		types := map[string]any{"_topic": "VARCHAR", "_partition": "INTEGER", "_offset": "BIGINT", "t": "VARCHAR", "i": "BIGINT", "f": "DOUBLE", "b": "BOOLEAN",
			"small": "DECIMAL(5,2)", "mid": "DECIMAL(18,4)", "big": "DECIMAL(38,10)", "seen": "TIMESTAMP WITH TIME ZONE", "j": "JSON"}
		if got := out["types"]; !reflect.DeepEqual(got, types) {
			t.Errorf("duckdb's types:\n%v, want\n%v", got, types)
		}
		types = map[string]any{"_topic": "string", "_partition": "int32", "_offset": "int64", "t": "string", "i": "int64", "f": "double", "b": "bool",
			"small": "decimal128(5, 2)", "mid": "decimal128(18, 4)", "big": "decimal128(38, 10)", "seen": "timestamp[ms, tz=UTC]", "j": "string"}
		got := out["arrow_types"]
		if got["j"] == "extension<arrow.json>" {
			types["j"] = got["j"]
		}
		if !reflect.DeepEqual(got, types) {
			t.Errorf("arrow's types:\n%v, want\n%v", got, types)
		}
	}
}
