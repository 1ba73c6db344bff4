package compose

import (
	"encoding/json"
	"sync"
	"testing"
	"unicode/utf8"

	"inv/internal/scenario"
	"inv/processor/forward"
)

func TestNothingIsAllocatedPerRecord(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes a pool forget")
	}
	c := cutOf(`{"id":"p-1","n":12.5,"o":{"b":true},"s":3}`)
	r := c.Records[0]
	v := variablesOf("V", "value")
	tmpl, u := v.Text(text("${V}: {id} has {n}, {o.b} at {$offset}")), v.URL(text("http://h/{id}"))
	b := object("id", bodyText("{id}"), "n", bodyText("{n}"), "t", bodyText("{id} {$key}"), "j", bodyJQ(".s > 2"))
	body, err := v.Body(&b)
	if err != nil {
		t.Fatal(err)
	}
	path, _ := NewSelector(&scenario.Selector{Path: []string{"o", "b"}})
	computed, _ := NewSelector(&scenario.Selector{JQ: expr(".s + 1")})
	where, _ := NewCondition(expr(".s == 3"))
	dst := make([]byte, 0, 1024)
	for name, f := range map[string]func(){
		"text":            func() { dst, err = tmpl.Append(dst[:0], c, nil) },
		"URL":             func() { dst, err = u.Append(dst[:0], c, nil) },
		"body":            func() { dst, err = body.AppendJSON(dst[:0], c) },
		"path":            func() { dst, _, err = path.Text(dst[:0], r) },
		"JSON of a path":  func() { _, err = path.JSON(r) },
		"text of a value": func() { dst, _, err = computed.Text(dst[:0], r) },
		"condition":       func() { _, err = where.Holds(r) },
	} {
		if n := testing.AllocsPerRun(200, f); n > 0 || err != nil {
			t.Errorf("%s: %v allocations, %v", name, n, err)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	v := used("TOKEN", "s3cr3t")
	b := object("id", bodyText("{id}"), "j", bodyJQ("$key"))
	body, err := v.Body(&b)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				got, err := body.AppendJSON(nil, cutOf(`{"id":1}`))
				if string(got) != `{"id":1,"j":"k-1"}` || err != nil || v.Hide("s3cr3t") != "${TOKEN}" {
					t.Errorf("%s, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

// FuzzBody checks that a body is JSON whatever the record and its key are.
func FuzzBody(f *testing.F) {
	for _, value := range []string{sample, `{"a":"\ud800\u0000"}`, "{\"a\":\"\xff\u202e\"}", `{"a":{"b":[1 , 2]}}`, "\ufeff {\"a\" : 1}", "x", "[1]", "", `{"a":1e999}`} {
		f.Add([]byte(value), []byte("key"))
	}
	f.Add([]byte(`{"a":1}`), []byte{0xff})
	parts := object("a", bodyText("{a}"), "b", bodyText("x{a}"), "k", bodyText("{$key}"), "ab", list(bodyText("{a.b}"), bodyJQ(".a"), bodyJQ("$records"), bodyJQ("$headers")))
	body, err := variablesOf().Body(&parts)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value, key []byte) {
		r := &forward.Record{Key: key, Value: value}
		if json.Valid(value) {
			r.JSON = value
		}
		c := &forward.Cut{Records: []*forward.Record{r}}
		got, err := body.AppendJSON(nil, c)
		if err != nil {
			if reason(t, err); len(got) > 0 {
				t.Errorf("an error and %q", got)
			}
			return
		}
		if !json.Valid(got) || !utf8.Valid(got) {
			t.Errorf("%q is not JSON", got)
		}
		again, err := body.AppendJSON(nil, c)
		if string(again) != string(got) || err != nil {
			t.Errorf("%q, then %q, %v", got, again, err)
		}
	})
}
