package mutate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// member is a field of a JSON object, or an element of a list.
type member struct {
	name string // "" of an element
	raw  json.RawMessage
}

// members returns the fields of an object or the elements of a list in their
// order; ok is false for anything else.
func members(raw []byte) (all []member, ok bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	open, err := d.Token()
	if err != nil || open != json.Delim('{') && open != json.Delim('[') {
		return nil, false
	}
	for d.More() {
		var m member
		if open == json.Delim('{') {
			name, err := d.Token()
			if err != nil {
				return nil, false
			}
			m.name, _ = name.(string)
		}
		if d.Decode(&m.raw) != nil {
			return nil, false
		}
		all = append(all, m)
	}
	_, err = d.Token()
	return all, err == nil && !d.More()
}

// encoded is the opposite of members.
func encoded(all []member, object bool) []byte {
	brackets := "[]"
	if object {
		brackets = "{}"
	}
	out := []byte{brackets[0]}
	for i, m := range all {
		if i > 0 {
			out = append(out, ',')
		}
		if object {
			name, _ := json.Marshal(m.name) // a string
			out = append(append(out, name...), ':')
		}
		out = append(out, m.raw...)
	}
	return append(out, brackets[1])
}

// unknownField is a field that no reader knows.
const unknownField = "x_other"

// optional are fields that a record may lack.
var optional = map[Kind][]member{
	Catalog:  {{"warehouse_id", raw(`"other"`)}, {"initial_stock", raw("7")}},
	Orders:   {{"timestamp", raw("7")}},
	Receipts: {{"event_id", raw(`"other"`)}, {"warehouse_id", raw(`"other"`)}},
	Updates:  {{"warehouse_id", raw(`"other"`)}, {"unmet_quantity", raw("7")}, {"last_order_id", raw(`"other"`)}, {"last_reorder_id", raw(`"other"`)}},
	Reorders: {{"warehouse_id", raw(`"other"`)}},
	Alerts:   {{"warehouse_id", raw(`"other"`)}},
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }

// fields mutates the value of record i.
func (e *enumerator) fields(i int) bool {
	value := e.records[i].Value
	to := func(name, op string, value []byte) bool {
		return e.changed(i, PartField, name, op, func(r *kgo.Record) { r.Value = value })
	}
	if value == nil {
		return to("all", "emptied", []byte{}) && to("all", "replaced", []byte("{}"))
	}
	if !to("all", "removed", nil) || !to("all", "emptied", []byte{}) || len(value) > 0 && !to("all", "cut", value[:len(value)-1]) {
		return false
	}
	all, ok := members(value)
	if !ok || e.topic.kind == DeadLetters { // whose bytes count, not their meaning
		return true
	}
	has := func(name string) bool {
		return slices.ContainsFunc(all, func(m member) bool { return m.name == name })
	}
	for _, m := range append([]member{{unknownField, raw("1")}}, optional[e.topic.kind]...) {
		if !has(m.name) && !to(m.name, "added", encoded(append(slices.Clone(all), m), true)) {
			return false
		}
	}
	return e.members(i, "", value, func(name, op string, value []byte) bool { return to(name, op, value) })
}

// members mutates each member of an object or list, and theirs.
func (e *enumerator) members(i int, path string, value []byte, yield func(name, op string, value []byte) bool) bool {
	all, _ := members(value)
	object := len(value) > 0 && value[0] == '{'
	for n, m := range all {
		name := strings.TrimPrefix(path+"."+m.name, ".")
		if !object {
			name = path + "[]"
		}
		with := func(list []member) []byte { return encoded(list, object) }
		to := func(op string, raw []byte) bool {
			changed := slices.Clone(all)
			changed[n].raw = raw
			return yield(name, op, with(changed))
		}
		if !e.shape(all, n, name, object, with, yield) || !e.value(i, name, m.raw, to) {
			return false
		}
		_, nested := members(m.raw)
		inner := func(innerName, op string, value []byte) bool {
			changed := slices.Clone(all)
			changed[n].raw = value
			return yield(innerName, op, with(changed))
		}
		if nested && !e.members(i, name, m.raw, inner) {
			return false
		}
	}
	return true
}

// shape removes, doubles and swaps members.
func (e *enumerator) shape(all []member, n int, name string, object bool, with func([]member) []byte, yield func(name, op string, value []byte) bool) bool {
	if !yield(name, "removed", with(slices.Delete(slices.Clone(all), n, n+1))) {
		return false
	}
	if object {
		other := raw(`"other"`)
		if b := all[n].raw[0]; b == '-' || b >= '0' && b <= '9' {
			other = raw("987654")
		}
		return yield(name, "repeated with another value", with(append(slices.Clone(all), member{all[n].name, other})))
	}
	if !yield(name, "doubled", with(slices.Insert(slices.Clone(all), n, all[n]))) {
		return false
	}
	if n+1 == len(all) || bytes.Equal(all[n].raw, all[n+1].raw) {
		return true
	}
	swapped := slices.Clone(all)
	swapped[n], swapped[n+1] = swapped[n+1], swapped[n]
	return yield(name, "swapped with the next", with(swapped))
}

// value changes a value in the ways that its type has.
func (e *enumerator) value(i int, name string, old json.RawMessage, to func(op string, raw []byte) bool) bool {
	if string(old) != "null" && !to("null", raw("null")) {
		return false
	}
	if !strings.Contains(name, "[]") {
		borrowed := e.next(i, func(r *kgo.Record) []byte { return rawOf(r.Value, name) })
		if borrowed != nil && !to("borrowed", borrowed) {
			return false
		}
	}
	var text string
	if json.Unmarshal(old, &text) == nil && string(old) != "null" {
		longer, _ := json.Marshal(text + "x") // a string
		return to("changed", longer) && (text == "" || to("emptied", raw(`""`))) && to("a number", raw("1"))
	}
	if n, err := strconv.ParseInt(string(old), 10, 64); err == nil {
		return to("+1", fmt.Append(nil, n+1)) && to("−1", fmt.Append(nil, n-1)) && (n == 0 || to("0", raw("0"))) && to("a text", raw(`"x"`))
	}
	if n, err := strconv.ParseFloat(string(old), 64); err == nil {
		return to("+0.01", fmt.Appendf(nil, "%.2f", n+0.01)) && to("−0.01", fmt.Appendf(nil, "%.2f", n-0.01)) && to("0", raw("0")) && to("a text", raw(`"x"`))
	}
	return to("a number", raw("1"))
}

// rawOf returns a field of an object as it stands there, nil if it has none.
func rawOf(value []byte, name string) []byte {
	all, _ := members(value)
	for _, m := range all {
		if m.name == name {
			return m.raw
		}
	}
	return nil
}

func textOf(value []byte, name string) (text string) {
	if raw := rawOf(value, name); raw == nil || json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

// replaced returns an object with one field changed.
func replaced(value []byte, name string, change func(raw []byte) []byte) []byte {
	all, ok := members(value)
	if !ok || rawOf(value, name) == nil {
		return value
	}
	for n := range all {
		if all[n].name == name {
			all[n].raw = change(all[n].raw)
		}
	}
	return encoded(all, true)
}
