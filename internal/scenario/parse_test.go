package scenario

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// All problems of a file are reported at once, with their positions and corrections.
func TestAllProblemsAtOnce(t *testing.T) {
	const source = `scenaro: t
topics:
  orders: {topic: order_events, partitons: 6}
  bad: {partitions: 3}
producers:
  orders:
    topic: orders
    rate: 0/s
    kye: id
    value:
      id: {sequnce: "o-{n}"}
      n: {int: [9, 1]}
      total: {sum: "a *"}
      name: {fake: name, optional: -1}
`
	_, problems := Read("mine.yaml", []byte(source))
	want := []string{
		`mine.yaml:1:1: unknown key "scenaro" in the scenario; did you mean "scenario"?`,
		`mine.yaml:3:33: unknown key "partitons" in topic "orders"; did you mean "partitions"?`,
		`mine.yaml:4:3: topic "bad" needs either`,
		`mine.yaml:8:11: rate: a rate must be above 0, not "0/s"`,
		`mine.yaml:9:5: unknown key "kye" in producer "orders"; did you mean "key"?`,
		`mine.yaml:11:12: there is no generator "sequnce"; did you mean "sequence"?`,
		`mine.yaml:12:16: int must be [LOWEST, HIGHEST], not [9, 1]`,
		`mine.yaml:13:20: sum: the expression ends where a field, a number or ( is expected`,
		`mine.yaml:14:36: optional: a share is from 0% to 100% (0 to 1), not -1`,
	}
	got := strings.Split(problems.Error(), "\n")
	for i, w := range want {
		if i >= len(got) || !strings.HasPrefix(got[i], w) {
			t.Fatalf("problem %d is not\n%s\nbut all are\n%s", i+1, w, problems.Error())
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d problems, want %d:\n%s", len(got), len(want), problems.Error())
	}
}

func TestTopicSettings(t *testing.T) {
	for topic, want := range map[string]string{
		"config: {retenton.bytes: 1}":                       `t.yaml:2:33: topics have no setting "retenton.bytes"; did you mean "retention.bytes"?`,
		"config: {retention.bytes: null}":                   "t.yaml:2:50: retention.bytes has no value",
		"config: {retention.ms: 5}, retention: 1h":          "t.yaml:2:10: topic \"t\" has `retention:` and the setting retention.ms",
		"config: {cleanup.policy: delete}, cleanup: delete": "t.yaml:2:10: topic \"t\" has `cleanup:` and the setting cleanup.policy",
		"replication_factor: 101":                           "t.yaml:2:44: replication_factor must be from 1 to 100",
		"replicas: 2":                                       `t.yaml:2:24: unknown key "replicas"`,
	} {
		_, problems := Read("t.yaml", []byte("scenario: t\ntopics: {t: {topic: t, "+topic+"}}\n"))
		if len(problems) != 1 || !strings.HasPrefix(problems.Error(), want) {
			t.Errorf("%s: %v, want %s", topic, problems, want)
		}
	}
}

func TestParseRate(t *testing.T) {
	for text, perSecond := range map[string]float64{"1s": 1, "250ms": 4, "500/s": 500, "0.5/s": 0.5, "30/m": 0.5, "1800/h": 0.5, "max": 0, "1d": 1. / 86400, "43200/d": 0.5, "1e3/s": 1000, "1e9/s": 1e9} {
		r, err := ParseRate(text)
		if err != nil || r.PerSecond() != perSecond {
			t.Errorf("%s: %g, %v", text, r.PerSecond(), err)
		}
	}
	for _, text := range []string{"", "0s", "0/s", "-1/s", "5", "5/y", "fast", "1e10/s", "1e-10/s", "2000000000/s", "1/s/s", "0.0000000001/s"} {
		if r, err := ParseRate(text); err == nil {
			t.Errorf("%q is taken as %v", text, r)
		}
	}
}

func TestParseExpr(t *testing.T) {
	for _, text := range []string{"a", "a.b * -c + 2.50", "(a + b) * c / 4", "a > 1 and not (b == 'x' or c != d)", "- - 1"} {
		if _, err := ParseExpr(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"":                             "ends where",
		"a +":                          "ends where",
		"(a":                           "ends where )",
		"a b":                          `"b" at character 3`,
		"a = b":                        `did you mean "=="`,
		"'x":                           "not closed",
		"1.2.3":                        "not a number",
		"a ; b":                        "not valid in an expression",
		"and":                          `"and" at character 1`,
		strings.Repeat("(", 200) + "a": "nested",
	} {
		if _, err := ParseExpr(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestParseTemplate(t *testing.T) {
	tmpl, err := ParseTemplate("a-{n:06}{{x}}{b}")
	if err != nil || len(tmpl.Parts) != 4 || tmpl.Parts[1] != (Part{"n", true, 6}) || tmpl.Parts[2].Text != "{x}" {
		t.Errorf("%+v, %v", tmpl, err)
	}
	for _, text := range []string{"{n", "n}", "{n:6}", "{n:x}", "{n:099}"} {
		if _, err := ParseTemplate(text); err == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}

// A file whose aliases expand without bound is refused.
func TestAliasesDoNotExplode(t *testing.T) {
	var b strings.Builder
	b.WriteString("scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p:\n    topic: t\n    value:\n      a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n")
	for i := 1; i < 12; i++ {
		before := "*a" + string(rune('a'+i-2))
		if i == 1 {
			before = "*a0"
		}
		name := "a" + string(rune('a'+i-1))
		b.WriteString("      " + name + ": &" + name + " [" + strings.TrimSuffix(strings.Repeat(before+", ", 10), ", ") + "]\n")
	}
	_, problems := Read("t.yaml", []byte(b.String()))
	if len(problems) == 0 || !strings.Contains(problems.Error(), "generators") {
		t.Errorf("%d problems: %.300s", len(problems), problems.Error())
	}
}

func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("../../scenarios/*.yaml")
	versions, _ := filepath.Glob("testdata/evolution/*.yaml")
	for _, file := range append(files, versions...) {
		source, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(source)
	}
	f.Add([]byte(head + "    value: {x: {int: [1, 9], as: \"{}\"}}\n"))
	f.Add([]byte("scenario: t\ntopics: {a: {topic: a, format: {protobuf: a.proto, message: x.A}, key_format: {avro: k}, schemas: {ids: header}, upgrades: {a.v2: .}}}\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("a: {b: [1, 5}\n \tc: \"x\" y\nd:1\n  - e"))
	f.Add([]byte("a: b: c\n   d: {e: 'f}\n@"))
	f.Fuzz(func(t *testing.T, source []byte) {
		s, problems := Read("f.yaml", source)
		if s == nil && len(problems) == 0 {
			t.Fatal("neither a scenario nor a problem")
		}
		if s != nil {
			problems = append(problems, s.LoadSchemas(func(path string) ([]byte, error) { return []byte(`import "` + path + `b"; {"$ref": "x"}`), nil })...)
		}
		for _, p := range problems {
			if p.Text == "" {
				t.Fatal("a problem without words")
			}
		}
	})
}

func FuzzParseExpr(f *testing.F) {
	f.Add("a.b * (c + 1) >= 2 and not d == 'x'")
	f.Fuzz(func(t *testing.T, text string) {
		if e, err := ParseExpr(text); err == nil && e == nil {
			t.Fatal("nothing")
		}
	})
}

func BenchmarkRead(b *testing.B) {
	source, err := os.ReadFile("../../scenarios/inventory.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		Read("f.yaml", source)
	}
}

func TestParsePace(t *testing.T) {
	b, err := ParseBursts("every=10s,for=1s,rate=5000/s")
	if err != nil || b.Every != 10*time.Second || b.For != time.Second || b.Rate.PerSecond() != 5000 {
		t.Errorf("%+v, %v", b, err)
	}
	r, err := ParseRamp("up=30s,from=10/s,down=5s")
	if err != nil || r.Up != 30*time.Second || r.Down != 5*time.Second || r.Hold != 0 || r.From.PerSecond() != 10 {
		t.Errorf("%+v, %v", r, err)
	}
	for text, want := range map[string]string{"": `unknown key ""`, "every=1s,for=": "for must be a text", "every=1s,rate=1s": "needs `for:`", "evry=1s": `did you mean "every"`, "every=1s,every=2s": "twice", "every=x": `"x" is not a duration`, "every=10": "has no unit", "rate=0/s": "above 0"} {
		if _, err := ParseBursts(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	five, most := Rate{Number{Units: 5}, time.Second}, Rate{}
	for _, tt := range []struct {
		pace Pace
		rate *Rate
		want string
	}{
		{Pace{}, &most, ""},
		{Pace{Poisson: true}, nil, ""},
		{Pace{Poisson: true}, &most, "max is not"},
		{Pace{Bursts: b, Ramp: r}, &five, "exclude each other"},
		{Pace{Bursts: &Bursts{}}, &five, "above 0"},
		{Pace{Bursts: &Bursts{Every: 1, For: 1, Rate: five}}, &five, "must be shorter"},
		{Pace{Bursts: &Bursts{Every: 2, For: 1}}, &five, "can't be max"},
		{Pace{Ramp: &Ramp{Up: 1}}, &five, "from can't be max"},
		{Pace{Ramp: &Ramp{From: five}}, &five, "takes no time"},
	} {
		if err := tt.pace.Check(tt.rate); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.pace, err, tt.want)
		}
	}
}

// Parsed texts are valid: no rate of 0, no share above 1, no negative duration.
func FuzzParseText(f *testing.F) {
	for _, text := range []string{"1s", "0.5/s", "max", "2.5%", "a-{n:06}{{x}}{b}", "every=10s,for=1s,rate=5000/s", "from=10/s,up=30s,hold=1m,down=30s", "9223372036854775807/h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := ParseRate(text); err == nil && !r.Max() && !(r.PerSecond() > 0) {
			t.Errorf("the rate %q is %g", text, r.PerSecond())
		}
		if s, err := ParseShare(text); err == nil && !(s >= 0 && s <= 1) {
			t.Errorf("the share %q is %g", text, s)
		}
		if n, ok := ParseNumber(text); ok && (n.Decimals < 0 || n.Decimals > MaxDecimals) {
			t.Errorf("the number %q is %+v", text, n)
		}
		if b, err := ParseBursts(text); err == nil && (b.Every < 0 || b.For < 0) {
			t.Errorf("the bursts %q are %+v", text, b)
		}
		if r, err := ParseRamp(text); err == nil && (r.Up < 0 || r.Hold < 0 || r.Down < 0) {
			t.Errorf("the ramp %q is %+v", text, r)
		}
		if tmpl, err := ParseTemplate(text); err == nil {
			for _, p := range tmpl.Parts {
				if !p.Placeholder && p.Text == "" || p.Width < 0 || p.Width > 100 {
					t.Errorf("the template %q has a part %+v", text, p)
				}
			}
		}
	})
}

func TestParseNumber(t *testing.T) {
	for text, want := range map[string]Number{
		"0": {0, 0}, "-1.50": {-150, 2}, "1e3": {1000, 0}, "1E3": {1000, 0}, "1e+3": {1000, 0}, "2.5e2": {250, 0}, "2.5e0": {25, 1}, "-5e-2": {-5, 2}, "1e12": {MaxWhole, 0}, "1e-9": {1, 9},
	} {
		if got, ok := ParseNumber(text); !ok || got != want {
			t.Errorf("%s is %+v, %v; want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "e3", "1e", "1e13", "1e99999999999", "1e-10", "1.123456789e-1", "1e1e1", "0x10", "1_000", ".5", "5."} {
		if got, ok := ParseNumber(text); ok {
			t.Errorf("%q is taken as %+v", text, got)
		}
	}
}

func TestRateMessages(t *testing.T) {
	for text, want := range map[string]string{
		"500":       "a rate of 500 has no unit of time; write 500/s for 500 records a second",
		"1e3":       "a rate of 1e3 has no unit of time; write 1e3/s for 1e3 records a second",
		"100rps":    `"100rps" is not a rate; did you mean "100/s"?`,
		"500 / sec": `"500 / sec" is not a rate; did you mean "500/s"?`,
		"10/min":    `"10/min" is not a rate; did you mean "10/m"?`,
		"3/hour":    `"3/hour" is not a rate; did you mean "3/h"?`,
		"5/y":       `a rate is a time between records (1s, 250ms), records per time (500/s, 0.5/s, 10/m, 3/h, 100/d) or max, not "5/y"`,
		"0/s":       `a rate must be above 0, not "0/s"; a rate is a time between records (1s, 250ms), records per time (500/s, 0.5/s, 10/m, 3/h, 100/d) or max`,
	} {
		if _, err := ParseRate(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{"1d": "1d", "5/d": "5/d", "90s": "1m30s", "1m": "1m", "500/s": "500/s"} {
		if r, err := ParseRate(text); err != nil || r.String() != want {
			t.Errorf("%s is %v, %v", text, r, err)
		}
	}
}

// A field's name in an expression can have letters of any script, as it can in a text;
// a problem counts characters, not bytes.
func TestExpressionNames(t *testing.T) {
	for _, c := range []struct {
		source string
		paths  string
	}{
		{"größe * 2", "größe"}, {"数量+価格", "数量 価格"}, {"naïve.été1 > 3", "naïve.été1"}, {"имя == 'й'", "имя"}, {"€uro - _a2", "€uro _a2"}, {"e\u0301te", "e\u0301te"},
	} {
		e, err := ParseExpr(c.source)
		if err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		var paths []string
		e.Paths(func(path string) { paths = append(paths, path) })
		if got := strings.Join(paths, " "); got != c.paths {
			t.Errorf("%s names %s, want %s", c.source, got, c.paths)
		}
	}
	for source, want := range map[string]string{
		"größe × 2": `'×' at character 7 is not valid`, "größe ! 2": `"!" at character 7 is not an operator`,
		"été été": `"été" at character 5, where the end`, "été == 'x": "the text at character 8 is not closed", "a\u00a0+ 1": `at character 2 is not valid`, "a + \xff": "at character 5 is not valid",
	} {
		if _, err := ParseExpr(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
}

// Topic names that brokers refuse are problems of the file.
func TestTopicNames(t *testing.T) {
	for name, want := range map[string]string{
		"orders": "", "a.b_c-D9": "", `"{app}-log"`: "", "..a": "", strings.Repeat("x", 249): "",
		`"a b"`: "`.`, `_` and `-`", "a/b": "`.`, `_` and `-`", "größe": "`.`, `_` and `-`", `"{ap}-log"`: "`.`, `_` and `-`",
		`"."`: "brokers refuse it", "..": "brokers refuse it", strings.Repeat("x", 250): "at most 249",
	} {
		_, problems := Read("t.yaml", []byte("scenario: t\ntopics:\n  t: {topic: "+name+"}\n"))
		if got := problems.Error(); want == "" && got != "" || !strings.Contains(got, want) || want != "" && !strings.HasPrefix(got, "t.yaml:3:") {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
