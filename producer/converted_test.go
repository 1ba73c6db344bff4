package producer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"inv/internal/convert"
)

// converter returns what reads a producer's format in declared topologies.
func converter(t *testing.T, format string, lists, columns []string) func(value []byte) ([]byte, error) {
	t.Helper()
	x, err := convert.NewXML(lists)
	if err != nil {
		t.Fatal(err)
	}
	c, err := convert.NewCSV(columns)
	if err != nil {
		t.Fatal(err)
	}
	return func(value []byte) ([]byte, error) {
		if format == "csv" {
			return c.AppendJSON(nil, value)
		}
		return x.AppendJSON(nil, value)
	}
}

// texts returns a JSON value with its plain values as texts, null as an empty one.
func texts(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = texts(v[name])
		}
		return v
	case []any:
		for i := range v {
			v[i] = texts(v[i])
		}
		return v
	case nil:
		return ""
	}
	return fmt.Sprint(v)
}

func unmarshalled(t *testing.T, text []byte) (v map[string]any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// A record in XML or CSV is read as the record in JSON, with texts in place of numbers and
// null. What has the fault malformed is refused.
func TestConverted(t *testing.T) {
	columns := []string{"of", "text", "padding"}
	plain := sentBy(t, parsed(t, "t.yaml", fmt.Sprintf(twins, "json")), "")
	for _, format := range []string{"csv", "{xml: R}", "{xml: R, declaration: true}"} {
		sc := parsed(t, "t.yaml", fmt.Sprintf(twins, format))
		name := sc.Producers[1].Format.Name
		read := converter(t, name, nil, columns)
		for i, r := range sentBy(t, sc, "") {
			if r.Value == nil {
				continue
			}
			got, err := read(r.Value)
			if err != nil {
				t.Fatalf("%s: %v", r.Value, err)
			}
			want := unmarshalled(t, plain[i].Value)
			for _, column := range columns {
				if _, ok := want[column]; !ok && name == "csv" {
					want[column] = ""
				}
			}
			if got := unmarshalled(t, got); !reflect.DeepEqual(got, texts(want)) {
				t.Fatalf("%s: %v, in JSON %s", r.Value, got, plain[i].Value)
			}
		}
		for _, r := range sentBy(t, sc, "malformed=30%") {
			if _, err := read(r.Value); r.Value != nil && (err != nil) != (r.Fault == "malformed") {
				t.Fatalf("%s, with the fault %q: %v", r.Value, r.Fault, err)
			}
		}
	}
}

// Attributes, the text of an element and lists are read as they are declared.
func TestConvertedXML(t *testing.T) {
	content := `value:
  "@id": {sequence: "<&\"{n}'>"}
  total: {object: {"@currency": {one_of: [EUR, "a\nb\tc"]}, "#text": {decimal: [10, 99]}}}
  line: {list: [0, 3], of: {"@sku": {hex: 4}, tag: {list: [0, 2], each: {one_of: ["a\r\nb", "\\ \" ", x]}}}}
  addr: {object: {street: {fake: street}, "größe": {int: [1, 9]}}}
`
	read := converter(t, "xml", []string{"line", "line.tag"}, nil)
	var made [2][]Record
	for i, format := range []string{"json", "{xml: R, declaration: true}"} {
		sc := parsed(t, "t.yaml", "scenario: t\ntopics: {t: {topic: t}}\nproducers:\n  p:\n    topic: t\n    format: "+format+"\n"+indent(content, "    "))
		made[i] = sentBy(t, sc, "")
	}
	for i, r := range made[1] {
		got, err := read(r.Value)
		if err != nil {
			t.Fatalf("%s: %v", r.Value, err)
		}
		want := texts(unmarshalled(t, made[0][i].Value))
		if got := any(unmarshalled(t, got)); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s:\n%v\nin JSON %v", r.Value, got, want)
		}
	}
}
