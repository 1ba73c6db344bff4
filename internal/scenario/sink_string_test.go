package scenario

import (
	"slices"
	"testing"
)

// A text is written as it was read.
func TestSinkTextString(t *testing.T) {
	for _, text := range []string{
		"plain", "${URL}/orders/{product_id}", "{a.b} {{ and }}", "{$key}@{$offset} of {$topic}/{$partition}, {$time}", "{count} in {warehouse_id}", "costs $${price}", "${{no}}",
	} {
		parts, problem, _ := splitText(text)
		if problem != "" {
			t.Fatalf("%s: %s", text, problem)
		}
		var read SinkText
		for _, p := range parts {
			read.Parts = append(read.Parts, p.part)
		}
		if got := read.String(); got != text {
			t.Errorf("%q is written as %q", text, got)
		}
	}
}

func TestSinkVariables(t *testing.T) {
	s := read(t, `
scenario: t
topics: {a: {topic: a}}
sinks:
  x: {from: a, http: {post: "${URL}/x", bearer: "${TOKEN}", headers: {Of: "${URL} {id}"}, body: {a: ["${ACCOUNT}"]}}}
`)
	if got := s.Sink("x").Variables(); !slices.Equal(got, []string{"URL", "TOKEN", "ACCOUNT"}) {
		t.Error(got)
	}
}
