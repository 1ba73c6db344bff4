package producer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"inv/internal/registry"

	"github.com/twmb/franz-go/pkg/kgo"
)

// encodedTwins is a producer with a format, whose records can have every fault.
const encodedTwins = `scenario: t
topics: {t: {topic: t}, c: {topic: c}}
producers:
  catalog: {topic: c, key: id, rows: [{id: k1}, {id: k2}]}
  p:
    topic: t
    key: id
    value:
      id: {sequence: "k-{n}"}
      product: {ref: catalog.id}
      price: {decimal: [1, 9], decimals: 2}
      note: {fake: city, optional: 50%}
      items: {list: [0, 3], of: {quantity: {int: [1, 9]}}}
`

const unrelated = `{"type":"record","name":"Unrelated","namespace":"inv.fault","fields":[{"name":"text","type":"string"}]}`

// frameOf returns the ID of a record's schema and what follows the frame; ok is false if
// there is none.
func frameOf(to *registry.Writer, r Record) (id uint32, payload []byte, ok bool) {
	if to.Header.Key == "" {
		if len(r.Value) < 5 || r.Value[0] != 0 {
			return 0, nil, false
		}
		return binary.BigEndian.Uint32(r.Value[1:]), r.Value[5:], true
	}
	at := slices.IndexFunc(r.Headers, func(h Header) bool { return h.Key == to.Header.Key })
	if at < 0 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(r.Headers[at].Value[1:]), r.Value, true
}

// Every fault of a record with a schema is what its name says, in each form and with the
// ID in the value and in a header.
func TestEncodedFaults(t *testing.T) {
	sc := parsed(t, "t.yaml", encodedTwins)
	other := writerOf(t, registry.Source{Form: registry.Avro, Text: unrelated}, 7777)
	for _, form := range forms {
		for _, inHeader := range []bool{false, true} {
			writers, _ := derivedWriters(t, sc, form, false)
			to := writers["t"].Value
			index := len(to.Schema.Index())
			if inHeader {
				header := *to
				header.Header, header.Prefix = kgo.RecordHeader{Key: "__value_schema_id", Value: to.Prefix}, nil
				to, index = &header, 0
				writers["t"] = Writers{Value: to, Derived: true}
			}
			run := func(t *testing.T, faults string) []Record {
				o := Options{Start: testStart, Count: 300, Other: other}
				if faults != "" {
					o.Faults = faultsOf(t, faults)
				}
				p := compiledWith(t, sc, CompileOptions{Names: []string{"p"}, Seed: 7, UnknownRefs: true, Writers: writers})
				if err := CheckOptions(p, o); err != nil {
					t.Skip(err)
				}
				sink := &collect{}
				if _, err := Run(t.Context(), p, o, sink); err != nil {
					t.Fatal(err)
				}
				return sink.records
			}
			right := run(t, "")
			for _, fault := range faultNames[1:] {
				if strings.HasPrefix(fault, "late") || fault == "duplicate" || fault == "out_of_order" {
					continue // they don't change a record
				}
				t.Run(fmt.Sprintf("%s %s in a header %v", fault, form, inHeader), func(t *testing.T) {
					tagged := 0
					for _, r := range run(t, strings.Replace(fault+"=40%", "oversize=40%", "oversize=40%:2KiB", 1)) {
						if r.Fault == "" {
							if !bytes.Equal(r.Value, right[r.Number].Value) {
								t.Fatalf("record %d has no fault, and is %q", r.Number, r.Value)
							}
							continue
						}
						tagged++
						if problem := encodedFault(fault, to, other, index, r, right[r.Number]); problem != "" {
							t.Fatalf("record %d: %s: %q, without the fault %q", r.Number, problem, r.Value, right[r.Number].Value)
						}
					}
					if tagged < 40 {
						t.Errorf("only %d of 300 have the fault", tagged)
					}
				})
			}
		}
	}
}

// encodedFault returns in what way a record is not what its fault says.
func encodedFault(fault string, to, other *registry.Writer, index int, r, right Record) string {
	id, payload, framed := frameOf(to, r)
	decode := func() (string, error) {
		if len(payload) < index {
			return "", fmt.Errorf("no index")
		}
		text, err := to.Schema.Decode(nil, payload[index:], registry.Data)
		return string(text), err
	}
	switch {
	case fault == "tombstone":
		if r.Value != nil {
			return "it has a value"
		}
		return ""
	case fault == "malformed":
		if _, err := decode(); framed && err == nil {
			return "it is well-formed"
		}
		return ""
	case !framed:
		return "it has no frame"
	case fault == "other_schema":
		text, err := other.Schema.Decode(nil, payload, registry.Data)
		if id != 7777 || err != nil || !strings.HasPrefix(string(text), `{"text":"`) {
			return fmt.Sprintf("the ID is %d, %v", id, err)
		}
		return ""
	case fault == "wrong_id" || fault == "unknown_id":
		_, was, _ := frameOf(to, right)
		if !bytes.Equal(payload, was) || (id == 7777) != (fault == "wrong_id") || fault == "unknown_id" && id < 1<<30 {
			return fmt.Sprintf("the ID is %d", id)
		}
		return ""
	case id != uint32(to.ID):
		return fmt.Sprintf("the ID is %d", id)
	}
	text, err := decode()
	switch fault {
	case "truncated":
		if err == nil || !bytes.HasPrefix(right.Value, r.Value) || len(r.Value) >= len(right.Value) {
			return "it is not cut short: " + text
		}
	case "wrong_type":
		if _, invalid := to.Schema.Encode(nil, payload); err != nil || invalid == nil {
			return fmt.Sprintf("it fits (%v)", err)
		}
	case "oversize":
		if err != nil || len(r.Value) < 2048 || !bytes.Equal(r.Key, right.Key) {
			return fmt.Sprintf("it has %d bytes: %v", len(r.Value), err)
		}
	case "unknown_ref":
		if err != nil || !strings.Contains(text, "-unknown") {
			return fmt.Sprintf("its ref is right: %s, %v", text, err)
		}
	}
	return ""
}

// A fault that the records of a topic can't have is refused before the first one.
func TestFaultsOfOtherFormats(t *testing.T) {
	sc := parsed(t, "t.yaml", encodedTwins+`  q: {topic: c, value: {n: {int: [1, 9]}}}
`)
	writers, _ := derivedWriters(t, parsed(t, "t.yaml", encodedTwins), registry.Avro, false)
	numbers := writerOf(t, registry.Source{Form: registry.Avro, Text: `{"type":"record","name":"N","fields":[{"name":"n","type":"int"}]}`}, 9)
	for _, tt := range []struct {
		fault, producer string
		writers         map[string]Writers
		want            string
	}{
		{"wrong_id", "p", nil, `wrong_id: the records of "p" in topic t have no schema; it is for topics with a `},
		{"truncated", "p", nil, `truncated: the records of "p"`},
		{"wrong-type", "p", writers, `wrong_type: the records of "p" in topic t are avro, which has no room`},
		{"oversize", "q", map[string]Writers{"c": {Value: numbers}}, `oversize: the records of "q" in topic c have no text to pad`},
		{"other-schema", "p", writers, "need a schema of another subject"},
	} {
		p := compiledWith(t, sc, CompileOptions{Names: []string{tt.producer}, Writers: tt.writers})
		err := CheckOptions(p, Options{Start: testStart, Count: 5, Faults: faultsOf(t, tt.fault+"=5%")})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.fault, err, tt.want)
		}
	}
}
