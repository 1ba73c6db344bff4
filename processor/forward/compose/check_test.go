package compose

import (
	"os"
	"strings"
	"testing"

	"inv/internal/scenario"
)

// Mistakes in expressions are found without variables, each at its own place.
func TestCheck(t *testing.T) {
	const head = "scenario: t\ntopics: {a: {topic: a}}\nsinks:\n  s: "
	for _, c := range []struct{ sink, want string }{
		{`{from: a, where: .x == 1 and $key != "" and $topic, http: {post: "${U}", body: {a: {jq: "[$records[] | .x] + [$count]"}, b: "{x}"}}}`, ``},
		{`{from: a, lane: $key, http: {post: "${U}", headers: {X: {jq: $headers.x}}, form: {A: {jq: "$offset + $partition + $time"}}}}`, ``},
		{`{from: a, where: .x = 1, files: {folder: f, format: csv}}`, `26: = is not allowed: an expression makes values, and changes none; == compares`},
		{`{from: a, where: .x == , files: {folder: f, format: csv}}`, `28: unexpected EOF`},
		{`{from: a, where: .x == $kye, files: {folder: f, format: csv}}`, `29: variable not defined: $kye (did you mean $key?)`},
		{`{from: a, where: 'now > 5', files: {folder: f, format: csv}}`, `24: now is not allowed: it differs from run to run`},
		{`{from: a, lane: {jq: "$records"}, http: {post: "${U}"}}`, `28: variable not defined: $records; there are $key, $topic, $partition, $offset, $time, $headers`},
		{`{from: a, http: {post: "${U}", body: [1, {x: {jq: '.a | fooo'}}]}}`, `62: function not defined: fooo/0 (a field is .fooo)`},
		{`{from: a, http: {post: "${U}", idempotency_key: {jq: .a +}}}`, `63: unexpected EOF`},
		{`{from: a, files: {folder: f, format: csv, columns: {x: {type: int, from: {jq: .a + $z}}}}}`, `89: variable not defined: $z; there are $key, $topic, $partition, $offset, $time, $headers`},
	} {
		s, problems := scenario.Read("t.yaml", []byte(head+c.sink+"\n"))
		if len(problems) > 0 {
			t.Fatal(c.sink, problems)
		}
		problems = Check(s)
		if got := strings.TrimPrefix(problems.Error(), "t.yaml:4:"); got != c.want || len(problems) == 1 && !problems[0].Expression {
			t.Errorf("%s\ngot  %s\nwant %s", c.sink, got, c.want)
		}
	}
}

// The expressions of the examples of docs/forward.md are right.
func TestExamples(t *testing.T) {
	page, err := os.ReadFile("../../../docs/forward.md")
	if err != nil {
		t.Fatal(err)
	}
	head, n := "", 0
	for _, block := range strings.Split(string(page), "```yaml")[1:] {
		_, source, _ := strings.Cut(block, "\n")
		source, _, _ = strings.Cut(source, "```")
		if head == "" { // a whole file
			head, _, _ = strings.Cut(source, "sinks:")
		} else {
			source = head + source
		}
		s, problems := scenario.Read("forward.md", []byte(source))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		for i := range s.Sinks {
			records, messages := s.Sinks[i].Expressions()
			n += len(records) + len(messages)
		}
		if problems := Check(s); len(problems) > 0 {
			t.Errorf("%v\n%s", problems, source)
		}
	}
	if n < 10 {
		t.Errorf("%d expressions", n)
	}
}
