package declared

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	"inv/internal/jsonscan"
)

func sampleLine() Line {
	return Line{
		Key: []byte("cust-17"), Time: 1732881600123, Input: []byte("orders"), Topic: []byte("order_events"), Partition: 3, Offset: 4711,
		Timestamp: 1732881600120, Index: -1, Value: []byte(`{"a":1.50}`),
	}
}

func TestLine(t *testing.T) {
	plain, full := sampleLine(), sampleLine()
	full.Key, full.Index, full.Rows, full.Headers = []byte("a\"ü\n"), 0, []byte(`{"p":null}`), []byte(`{"h":"x"}`)
	old := sampleLine()
	old.Timestamp, old.Time, old.Offset, old.Value = math.MinInt64, 0, math.MaxInt64, []byte(`"}"`)
	for _, c := range []struct {
		line Line
		text string
	}{
		{plain, `{"k":"cust-17","t":1732881600123,"in":"orders","src":"order_events/3@4711","ts":1732881600120,"v":{"a":1.50}}`},
		{full, `{"k":"a\"ü\n","t":1732881600123,"in":"orders","src":"order_events/3@4711","ts":1732881600120,"i":0,"j":{"p":null},"h":{"h":"x"},"v":{"a":1.50}}`},
		{old, `{"k":"cust-17","t":0,"in":"orders","src":"order_events/3@9223372036854775807","ts":-9223372036854775808,"v":"}"}`},
	} {
		text := AppendLine(nil, &c.line)
		if string(text) != c.text+"\n" {
			t.Errorf("got  %s\nwant %s", text, c.text)
		}
		var got Line
		if err := ParseLine(text, &got); err != nil || !reflect.DeepEqual(got, c.line) {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
	}
}

func TestLineInAnotherSpelling(t *testing.T) {
	want := sampleLine()
	for _, text := range []string{
		`{"v":{"a":1.50},"k":"cust-17","t":1732881600123,"in":"orders","src":"order_events/3@4711","ts":1732881600120}`,
		`{ "k":"cust\u002d17", "t" :1732881600123,"in":"orders","src":"order_events\u002f3@4711","ts":1732881600120, "v": {"a":1.50} }`,
		`{"k":"cust-17","t":1732881600123,"in":"orders","src":"order_events/3@4711","ts":1732881600120,"v":{"a":1.50},"later":[1]}`,
	} {
		var got Line
		if err := ParseLine([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
	}
}

func TestHostileLines(t *testing.T) {
	good := string(AppendLine(nil, &Line{Key: []byte("k"), Time: 1, Input: []byte("in"), Topic: []byte("t"), Index: 1, Value: []byte("1")}))
	with := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for name, text := range map[string]string{
		"empty": "", "null": "null", "cut off": good[:30], "a list": "[]", "two values": good + good,
		"no key": with(`"k":"k",`, ""), "a key that is a number": with(`"k":"k"`, `"k":1`), "two keys": with(`"k":"k"`, `"k":"a","k":"b"`),
		"no time": with(`"t":1,`, ""), "negative time": with(`"t":1`, `"t":-1`), "a time after the year 9999": with(`"t":1`, `"t":253402300800000`),
		"a fraction": with(`"t":1`, `"t":1.5`), "a leading zero": with(`"t":1`, `"t":01`),
		"no partition": with("t/0@0", "t@0"), "no offset": with("t/0@0", "t/0"), "a negative partition": with("t/0@0", "t/-1@0"),
		"a large partition": with("t/0@0", "t/2147483648@0"), "a topic that can't be": with("t/0@0", "a b/0@0"), "no topic": with("t/0@0", "/0@0"),
		"a negative index": with(`"i":1`, `"i":-1`), "rows that are a list": with(`,"v"`, `,"j":[],"v"`), "headers that are text": with(`,"v"`, `,"h":"x","v"`),
		"no value": with(`,"v":1`, ""), "an empty value": with(`"v":1`, `"v":`), "a value that is not JSON": with(`"v":1`, `"v":x`),
		"too long": with(`"v":1`, `"v":"`+strings.Repeat("x", MaxLine)+`"`),
	} {
		var l Line
		if err := ParseLine([]byte(text), &l); err == nil {
			t.Errorf("%s: %s is read as %+v", name, text, l)
		}
	}
	var l Line
	if err := ParseLine([]byte(good), &l); err != nil {
		t.Error(err)
	}
}

func TestTick(t *testing.T) {
	sizes := []TopicSize{{[]byte("order_events"), 6}, {[]byte("b"), 1}}
	for _, c := range []struct {
		tick Tick
		text string
	}{
		{Tick{1732881600123, []byte("order_events"), 3, sizes}, `{"tick":1732881600123,"of":"order_events/3","parts":{"order_events":6,"b":1}}`},
		{Tick{-1, []byte("order_events"), 0, sizes[:1]}, `{"tick":null,"of":"order_events/0","parts":{"order_events":6}}`},
	} {
		text := AppendTick(nil, &c.tick)
		if string(text) != c.text+"\n" || !IsTick(text) {
			t.Errorf("got  %s\nwant %s", text, c.text)
		}
		var got Tick
		if err := ParseTick(text, &got); err != nil || !reflect.DeepEqual(got, c.tick) {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		``, `{"tick":1}`, `{"tick":-1,"of":"t/0","parts":{"t":1}}`, `{"tick":"1","of":"t/0","parts":{"t":1}}`, `{"tick":1,"of":"t","parts":{"t":1}}`,
		`{"tick":1,"of":"t/0","parts":{}}`, `{"tick":1,"of":"t/0","parts":[1]}`, `{"tick":1,"of":"t/0","parts":{"t":0}}`, `{"tick":1,"of":"t/0","parts":{"t":2000000}}`,
		`{"tick":1,"of":"t/0","parts":{"t":1}`, `{"tick":1,"of":3,"parts":{"t":1}}`,
	} {
		if err := ParseTick([]byte(text), &Tick{}); err == nil {
			t.Errorf("%s is a tick", text)
		}
	}
}

func TestParsingALineAllocatesNothing(t *testing.T) {
	l := sampleLine()
	l.Rows, l.Headers, l.Index = []byte(`{"p":{"x":1}}`), []byte(`{"h":"x"}`), 3
	text := AppendLine(nil, &l)
	fields := jsonscan.NewFields()
	fields.Add("a")
	found := make([][]byte, 1)
	if n := testing.AllocsPerRun(100, func() {
		if parseLine(text, &l, fields, found) != nil {
			t.Fatal("not read")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if string(found[0]) != "1.50" {
		t.Errorf("found %s", found[0])
	}
}

// FuzzLine checks that what is read is written the same, and read the same again, and that
// both ways of reading agree.
func FuzzLine(f *testing.F) {
	l := sampleLine()
	f.Add(AppendLine(nil, &l))
	l.Rows, l.Headers, l.Index = []byte(`{"p":{"x":1}}`), []byte(`{"h":"x"}`), 3
	f.Add(AppendLine(nil, &l))
	f.Add([]byte(`{"tick":1732881600123,"of":"order_events/3","parts":{"order_events":6}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var l, again Line
		if ParseLine(text, &l) == nil {
			out := AppendLine(nil, &l)
			if len(out) > MaxLine { // an escape is longer than what it stands for
				return
			}
			if err := ParseLine(out, &again); err != nil || !bytes.Equal(AppendLine(nil, &again), out) {
				t.Fatalf("%q is written as %q and read as %+v, %v", text, out, again, err)
			}
			if l.parseFast(bytes.TrimSuffix(out, []byte("\n")), nil) {
				var other Line
				if err := other.parseAny(out); err == nil && !reflect.DeepEqual(l, other) {
					t.Fatalf("%q is read as %+v and %+v", out, l, other)
				}
			}
		}
		var tick Tick
		if ParseTick(text, &tick) == nil {
			out := AppendTick(nil, &tick)
			var again Tick
			if err := ParseTick(out, &again); err != nil || !reflect.DeepEqual(tick, again) {
				t.Fatalf("%q is written as %q and read as %+v, %v", text, out, again, err)
			}
		}
	})
}
