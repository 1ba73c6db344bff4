package producer

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	_ "unsafe" // for the linkname

	"inv/internal/scenario"

	"github.com/brianvoe/gofakeit/v7"
)

// gofakeitYear is the year that gofakeit read from the clock when the program started.
//
//go:linkname gofakeitYear github.com/brianvoe/gofakeit/v7.currentYear
var gofakeitYear int

// needed are parameters for the functions that need some.
var needed = map[string]string{
	"dice": "sides: [6, 8]", "digitn": "count: 5", "float32range": "min: 1, max: 2", "float64range": "min: 1, max: 2", "intrange": "min: 1, max: 9",
	"generate": `str: "{firstname} ###, {number:1,9}"`, "lettern": "count: 5", "lexify": "str: a??", "numerify": `str: "a##"`,
	"randomint": "ints: [1, 2]", "randomstring": "strs: [a, b]", "randomuint": "uints: [1, 2]", "regex": `str: "[a-z]{3}[^x]?"`,
	"shuffleints": "ints: [1, 2]", "shufflestrings": "strs: [a, b]", "teams": "people: [a, b], teams: [x]", "weighted": "options: [a, b], weights: [1, 2]",
	"svg": "type: rect", "csv": "fields: [a]", "json": "fields: [a]", "xml": "fields: [a]", "fixed_width": "fields: [a]", "sql": "table: t, fields: [a]",
	"template": "template: x",
}

// fakeField returns a scenario of one field.
func fakeField(function, params string) string {
	return "scenario: t\ntopics: {t: {topic: t}}\nproducers: {p: {topic: t, value: {a: {fake: " + function + ", pool: 200, with: {" + params + "}}}}}\n"
}

// checksLittle fails if a check generates more of a pool than takes some milliseconds. How
// long that is on a busy machine can't be tested.
func checksLittle(t *testing.T, sc *scenario.Scenario) {
	t.Helper()
	c := newCompiler(sc, CompileOptions{})
	c.checking = true
	fake := sc.Producers[0].Value.Spec.(*scenario.Object).Fields[0].Gen.Spec.(*scenario.Fake)
	pool, err := c.pool(fake)
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, text := range pool.texts[:len(pool.texts)-1] {
		size += len(text)
	}
	if len(pool.texts) > checkedValues || size > checkedBytes {
		t.Errorf("a check of %s generates %d values of %d bytes", fake.Function.Text, len(pool.texts), size)
	}
}

// Every function of gofakeit that is accepted gives the same values whenever it runs, and
// checking it takes little: this goes over all of them.
func TestEveryFakeFunction(t *testing.T) {
	names := slices.Sorted(maps.Keys(gofakeit.FuncLookups))
	refused := map[string]string{}
	for _, name := range names {
		source := fakeField(name, needed[name])
		if problems := checked(source); problems != "" {
			refused[name] = problems
			continue
		}
		checksLittle(t, parsed(t, "t.yaml", strings.Replace(source, "pool: 200", "pool: 100000", 1)))
		first := made(t, compiled(t, parsed(t, "t.yaml", source), "p"), Options{Count: 300})
		if second := made(t, compiled(t, parsed(t, "t.yaml", source), "p"), Options{Count: 300}); second != first {
			t.Errorf("%s gives other values the second time:\n%s", name, firstDifference(first, second))
		}
		if later := inTheYear2099(t, func(t *testing.T) string {
			return made(t, compiled(t, parsed(t, "t.yaml", source), "p"), Options{Count: 300})
		}); later != first {
			t.Errorf("%s gives other values in another year:\n%s", name, firstDifference(first, later))
		}
	}
	for _, name := range []string{"pastdate", "futuredate", "template", "imagejpeg", "imagepng", "json", "csv", "xml", "sql", "fixed_width"} {
		if refused[name] == "" {
			t.Errorf("%s is accepted", name)
		}
	}
	const others = "address book car creditcard currency dice error errordatabase errorgrpc errorhttp errorhttpclient errorhttpserver errorobject errorruntime errorvalidation " +
		"hslcolor job map movie nicecolors person product productaudience rgbcolor shuffleints shufflestrings song teams"
	for name, problems := range refused {
		if !strings.Contains(problems, "t.yaml:3:") {
			t.Errorf("%s: no place in %s", name, problems)
		}
		if slices.Contains(strings.Fields(others), name) != strings.Contains(problems, "which is not a plain value") && !strings.Contains(name, "image") {
			t.Errorf("%s: %s", name, problems)
		}
	}
	if len(names) < 300 || len(names)-len(refused) < 300 {
		t.Errorf("%d functions, of which %d are refused", len(names), len(refused))
	}
}

// inTheYear2099 calls f with another clock, and as if gofakeit had read it when the
// program started.
func inTheYear2099(t *testing.T, f func(t *testing.T) string) (out string) {
	year := gofakeitYear
	defer func() { gofakeitYear = year }()
	gofakeitYear = 2099
	synctest.Test(t, func(t *testing.T) { out = f(t) })
	return out
}

// Parameters with which gofakeit never ends, or returns what depends on the clock or on
// addresses in memory, are refused.
func TestFakeParameters(t *testing.T) {
	for _, tt := range []struct{ function, params, want string }{
		{"lettern", "count: 4294967295", "count is a whole number up to 1000"},
		{"password", "length: 2000000000", "length is a whole number up to 1000"},
		{"loremipsumparagraph", "wordcount: 1000, sentencecount: 1000, paragraphcount: 1000", "together with other counts"},
		{"urlslug", "words: -1", "words is a whole number"},
		{"hexuint", "bitSize: 999999999999", "bitSize is a whole number"},
		{"regex", `str: "("`, "missing closing"},
		{"regex", `str: "((((((((a*)*)*)*)*)*)*)*)*"`, "repeat less"},
		{"regex", `str: "((((((()*)*)*)*)*)*)*"`, "repeat less"},
		{"regex", `str: "a{1000}"`, "repeat less"},
		{"regex", `str: "[^\\x00-\\x7f]"`, "none of them"},
		{"regex", `str: "a[^\\x00-\\x{10FFFF}]"`, "nothing matches"},
		{"regex", `str: "[A-Z]{2}-\\d{6}(x|yy)?.*\\w+[^a]"`, ""},
		{"regex", `str: "[a-z]{600}"`, ""},
		{"generate", `str: "{pastdate}"`, "pastdate reads the clock"},
		{"generate", `str: "{year}"`, "year reads the clock"},
		{"generate", `str: "{imagepng}"`, "returns an image"},
		{"generate", `str: "{lettern:4294967295}"`, "lettern with parameters"},
		{"generate", `str: "{regex:((a*)*)*}"`, "regex with parameters"},
		{"generate", `str: "{nothing} {email} {number:1,3}"`, ""},
		{"float64range", "min: nan, max: nan", "not a number in JSON"},
		{"intrange", "min: x, max: 2", "can't use its parameters"},
		{"daterange", "startdate: nothing", "can't use its parameters"},
		{"daterange", "startdate: \"0001-01-01\"", "must be in the years 1678 to 2261"},
		{"date", "format: yyyy-MM-dd", ""},
	} {
		if got := checked(fakeField(tt.function, tt.params)); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s with %s: %q, want %q", tt.function, tt.params, got, tt.want)
		}
	}
	if got := checked(strings.Replace(fakeField("lexify", "str: "+strings.Repeat("x", 10_000)), "pool: 200", "pool: 100000", 1)); !strings.Contains(got, "smaller `pool:`") {
		t.Errorf("a pool of a gigabyte: %q", got)
	}
}

// The functions that no longer read the clock give what they gave in 2026.
func TestFixedFakeFunctions(t *testing.T) {
	year := gofakeitYear
	defer func() { gofakeitYear = year }()
	gofakeitYear = 2026
	for _, tt := range []struct{ function, params string }{
		{"year", ""}, {"date", ""}, {"date", "RFC850"}, {"date", "yyyy-MM-dd'T'HH:mm:ss.SSS"}, {"date", "02.01.2006"}, {"useragent", ""}, {"firefoxuseragent", ""},
	} {
		s := &scenario.Fake{Function: scenario.Name{Text: tt.function}, Pool: 1}
		if tt.params != "" {
			s.Params = []scenario.Param{{Name: scenario.Name{Text: "format"}, Value: []string{tt.params}}}
		}
		own, params, _, err := fakeFunction(s)
		if err != nil {
			t.Fatal(err)
		}
		theirs := gofakeit.GetFuncLookup(tt.function)
		for seed := range uint64(50) {
			got, err := own.Generate(gofakeit.NewFaker(rand.NewPCG(1, seed), false), params, own)
			want, err2 := theirs.Generate(gofakeit.NewFaker(rand.NewPCG(1, seed), false), params, theirs)
			if err != nil || err2 != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s %s: %v, %v; want %v, %v", tt.function, tt.params, got, err, want, err2)
			}
		}
	}
}

// A range of dates without an end reaches to the present that is the same for all runs.
func TestFakeDateRange(t *testing.T) {
	for _, r := range fields(t, 500, "a: {fake: daterange, with: {startdate: \"2025-12-28\"}}\nb: {fake: daterange, with: {startdate: 01.02.1999, enddate: 28.02.1999, format: dd.MM.yyyy}}") {
		if a := r["a"].(string); a < "2025-12-28" || a > "2026-01-01" {
			t.Fatal(a)
		}
		if b := r["b"].(string); len(b) != 10 || !strings.HasSuffix(b, ".02.1999") {
			t.Fatal(b)
		}
	}
}
