package cases

import (
	"fmt"
	"strings"
	"testing"

	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

var started = Start().UnixMilli()

func TestCompare(t *testing.T) {
	r := &Record{
		Key: []byte("c1"), Timestamp: started + 2_400_000,
		Value:   []byte(`{"n":1.50,"text":"1.5","big":12345678901234567890,"list":[1,{"a":1,"b":2}],"o":{"x":1,"y":null},"at":1767227999000,"iso":"2026-01-01T00:40:00Z","odd name":1}`),
		Headers: []kgo.RecordHeader{{Key: "ce_type", Value: []byte("a")}, {Key: "ce_type", Value: []byte("b")}, {Key: "null"}}, Reason: "late", Message: "mine.yaml:3:4: it is late",
	}
	tests := []struct{ want, differs string }{
		{`{}`, ``},
		{`{"n":1.5}`, ``},
		{`{"n":15e-1}`, ``},
		{`{"n":1.51}`, `n 1.51 1.50`},
		{`{"n":"1.5"}`, `n "1.5" 1.50`},
		{`{"text":1.5}`, `text 1.5 "1.5"`},
		{`{"big":12345678901234567891}`, `big 12345678901234567891 12345678901234567890`},
		{`{"list":[1.0,{"b":2,"a":1}]}`, ``},
		{`{"list":[1,{"a":1}]}`, `list [1,{"a":1}] [1,{"a":1,"b":2}]`},
		{`{"list":[1]}`, `list [1] [1,{"a":1,"b":2}]`},
		{`{"o":{"x":1}}`, ``},
		{`{"o":{"x":2,"other":null}}`, `o.x 2 1; o.other null `},
		{`{"o":{}}`, `o {} {"x":1,"y":null}`},
		{`{"o":{"y":null}}`, ``},
		{`{"missing":null}`, `missing null `},
		{`{"listt":1}`, `listt 1  near list`},
		{`{"odd name":2}`, `"odd name" 2 1`},
		{`{"$key":"c1","$t":"40m"}`, ``},
		{`{"$t":"0d40m"}`, ``},
		{`{"$t":1767228000000}`, ``},
		{`{"$t":"2026-01-01T00:40:00Z"}`, ``},
		{`{"$key":"c2","$t":"41m"}`, `$key "c2" "c1"; $t 41m 40m`},
		{`{"at":"$t-1s","iso":"$t"}`, ``},
		{`{"at":"$t + 1h"}`, `at $t + 1h = 1767231600000 1767227999000`},
		{`{"iso":"$t+1s"}`, `iso $t+1s = 1767228001000 "2026-01-01T00:40:00Z"`},
		{`{"$headers":{"ce_type":"b"}}`, ``},
		{`{"$headers":{"ce_type":"a","none":"x","null":null}}`, `$headers.ce_type "a" "b"; $headers.none "x" ; $headers.null null null`},
		{`{"$reason":"late","$message":"it is late"}`, ``},
		{`{"$reason":"expression"}`, `$reason "expression" "late"`},
		{`3`, `. 3 ` + string(`{"n":1.50,"text":"1.5","big":12345678901234567890,"list":[1,{"a":1,"b":2}],"o":{"x":1,"y":null},"at":1767227999000,"iso":"2026-01-01T00:40:00Z","odd name":1}`)},
	}
	for _, test := range tests {
		want, err := parse([]byte(test.want))
		if err != nil {
			t.Fatal(err)
		}
		fields, same := matcher{started}.compare(&want, r)
		var differs []string
		for _, f := range fields {
			if !f.Equal {
				text := f.Path + " " + f.Want + " " + f.Got
				if f.Near != "" {
					text += " near " + f.Near
				}
				differs = append(differs, text)
			}
		}
		if got := strings.Join(differs, "; "); got != test.differs || same != (test.differs == "") {
			t.Errorf("%s: %v\n got %s\nwant %s", test.want, same, got, test.differs)
		}
	}
}

func TestSameNumber(t *testing.T) {
	for _, same := range [][2]string{{"1", "1.0"}, {"0", "-0.0"}, {"1e2", "100"}, {"0.00120", "12E-4"}, {"0e99999999999999999999", "0"}, {"1e99999999999999999999", "1e99999999999999999999"}} {
		if !sameNumber(same[0], same[1]) {
			t.Errorf("%s and %s are the same", same[0], same[1])
		}
	}
	for _, other := range [][2]string{{"1", "-1"}, {"1", "1.0000000000000000001"}, {"10", "1"}, {"1e400", "1e401"}, {"9007199254740993", "9007199254740992"}} {
		if sameNumber(other[0], other[1]) {
			t.Errorf("%s and %s are not the same", other[0], other[1])
		}
	}
}

// A value that is nested too deeply, or no JSON, is not decoded.
func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "{", `{"a":1}}`, strings.Repeat("[", 1_000_000)} {
		if _, err := parse([]byte(text)); err == nil {
			t.Errorf("%.20q was read", text)
		}
	}
}

func record(alias, key, value string) *Record {
	return &Record{Alias: alias, Key: []byte(key), Value: []byte(value), Timestamp: started}
}

// Records of a key come in order; those of other keys may come between.
func TestOrder(t *testing.T) {
	got := []*Record{record("a", "k1", `{"n":1}`), record("a", "k2", `{"n":2}`), record("a", "k1", `{"n":3}`), record("b", "k", `{}`)}
	tests := []struct {
		then string // n of each expected record of a
		want string
	}{
		{"1 2 3", ""},
		{"2 1 3", ""},
		{"1 3 2", ""},
		{"3 1 2", "disordered a[1] n=1"}, // 3 comes after 1
		{"1 2", "unexpected n=3"},
		{"1 2 3 4", "missing a[3]"},
		{"1 2 5", "differs a[2] n=3"},
		{"", "unexpected n=1 unexpected n=2 unexpected n=3"},
	}
	for _, test := range tests {
		then := scenario.TestOutput{Alias: "a"}
		for _, n := range strings.Fields(test.then) {
			then.Want = append(then.Want, scenario.TestRecord{Value: []byte(`{"n":` + n + `}`)})
		}
		c := scenario.Test{Then: []scenario.TestOutput{then, {Alias: "b", Want: []scenario.TestRecord{{Value: []byte("{}")}}}}}
		if got := described(judge(&c, started, got)); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.then, got, test.want)
		}
	}
}

// An expectation that fits many records does not take the one that another needs.
func TestVagueExpectations(t *testing.T) {
	got := []*Record{record("a", "k1", `{"n":1}`), record("a", "k2", `{"n":2}`)}
	c := scenario.Test{Then: []scenario.TestOutput{{Alias: "a", Want: []scenario.TestRecord{{Value: []byte(`{}`)}, {Value: []byte(`{"n":1}`)}}}}}
	if got := described(judge(&c, started, got)); got != "" {
		t.Error(got)
	}
	// Nor do very many of them take for ever.
	got, c.Then[0].Want = nil, nil
	for i := range 300 {
		got = append(got, record("a", fmt.Sprint(i), `{"n":1}`))
		c.Then[0].Want = append(c.Then[0].Want, scenario.TestRecord{Value: []byte(`{}`)})
	}
	c.Then[0].Want[299].Value = []byte(`{"n":2}`)
	if got := described(judge(&c, started, got)); got != "differs a[299] n=1" {
		t.Error(got)
	}
}

func TestLettersFail(t *testing.T) {
	letter := record("dlq", "k", `{"n":1}`)
	letter.Reason, letter.Message = "expression", "f.yaml:1:2: null and null"
	c := scenario.Test{}
	if got := described(judge(&c, started, []*Record{letter})); got != "letter n=1" {
		t.Error(got)
	}
	c.Then = []scenario.TestOutput{{Alias: "dlq", Want: []scenario.TestRecord{{Value: []byte(`{"$reason":"expression","n":1}`)}}}}
	if got := described(judge(&c, started, []*Record{letter})); got != "" {
		t.Error(got)
	}
}

func TestWrongExpectations(t *testing.T) {
	for want, text := range map[string]string{
		`{"$kye":1}`: `did you mean "$key"?`, `{"$t":"soon"}`: "such as 40m", `{"$t":true}`: "such as 40m", `{"$headers":1}`: "mapping",
	} {
		c := scenario.Test{Then: []scenario.TestOutput{{Alias: "a", Want: []scenario.TestRecord{{Value: []byte(want)}}}}}
		f := judge(&c, started, nil)
		if len(f) != 1 || f[0].Kind != Broken || !strings.Contains(f[0].Text, text) {
			t.Errorf("%s: %+v", want, f)
		}
	}
}

func described(failures []Failure) string {
	var all []string
	for _, f := range failures {
		text := string(f.Kind)
		if f.Index >= 0 {
			text += fmt.Sprintf(" %s[%d]", f.Alias, f.Index)
		}
		if f.Got != nil {
			text += " " + strings.NewReplacer(`{"`, "", `":`, "=", "}", "").Replace(string(f.Got.Value))
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}
