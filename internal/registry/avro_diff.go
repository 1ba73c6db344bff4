package registry

import (
	"fmt"
	"slices"
	"strings"
)

// diffAvro compares two versions of a schema field by field.
func diffAvro(before, after *Schema) []string {
	d := avroDiff{seen: map[[2]*avroType]bool{}}
	d.typ(before.avroType, after.avroType, "")
	return d.lines
}

type avroDiff struct {
	lines []string
	seen  map[[2]*avroType]bool // recursive types and those that are used twice
}

func (d *avroDiff) add(path, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if path != "" {
		line = path + ": " + line
	}
	if !slices.Contains(d.lines, line) {
		d.lines = append(d.lines, line)
	}
}

func (d *avroDiff) typ(a, b *avroType, path string) {
	if d.seen[[2]*avroType{a, b}] {
		return
	}
	d.seen[[2]*avroType{a, b}] = true
	if a.kind == "union" || b.kind == "union" {
		d.union(a, b, path)
		return
	}
	if a.kind != b.kind || a.logical != b.logical || a.size != b.size || a.precision != b.precision || a.scale != b.scale {
		d.add(path, "type from %s to %s", a, b)
		return
	}
	if a.name != b.name {
		how := ""
		if !namesMatch(a, b) {
			how = ", without an alias"
		}
		d.add(path, "%s renamed from %s to %s%s", a.kind, a.name, b.name, how)
	}
	switch a.kind {
	case "enum":
		d.symbols(a, b, path)
	case "array", "map":
		d.typ(a.elem, b.elem, path+"[]")
	case "record":
		d.record(a, b, path)
	}
}

// union compares the branches that both have, and names the others.
func (d *avroDiff) union(a, b *avroType, path string) {
	old, now := a.alternatives(), b.alternatives()
	if len(old) == 1 && len(now) == 1 && a.kind == b.kind && a.takesNull() == b.takesNull() {
		d.typ(old[0], now[0], path)
		return
	}
	if a.takesNull() != b.takesNull() || !slices.EqualFunc(old, now, sameBranch) {
		d.add(path, "type from %s to %s", a, b)
	}
	for _, x := range old {
		if i := slices.IndexFunc(now, func(y *avroType) bool { return sameBranch(x, y) }); i >= 0 {
			d.typ(x, now[i], path)
		}
	}
}

// alternatives returns the branches of a union but null; a type that is no union is its
// only one.
func (t *avroType) alternatives() []*avroType {
	if t.kind != "union" {
		return []*avroType{t}
	}
	return slices.DeleteFunc(slices.Clone(t.branches), func(b *avroType) bool { return b.kind == "null" })
}

func sameBranch(a, b *avroType) bool {
	return a.kind == b.kind && a.logical == b.logical && (a.name == b.name || namesMatch(a, b))
}

func (d *avroDiff) symbols(a, b *avroType, path string) {
	without := func(a, b []string) []string {
		return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
	}
	if added := without(b.symbols, a.symbols); len(added) > 0 {
		d.add(path, "symbols added: %s", strings.Join(added, ", "))
	}
	if removed := without(a.symbols, b.symbols); len(removed) > 0 {
		d.add(path, "symbols removed: %s", strings.Join(removed, ", "))
	}
	if a.otherwise != b.otherwise {
		d.add(path, "default from %s to %s", orNone(a.otherwise), orNone(b.otherwise))
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func (d *avroDiff) record(a, b *avroType, path string) {
	from := make([]int, len(b.fields)) // the field of a, -1: none
	for i := range b.fields {
		from[i] = a.fieldFor(&b.fields[i])
	}
	for i := range a.fields {
		if !slices.Contains(from, i) {
			d.add(join(path, a.fields[i].name), "removed")
		}
	}
	for i := range b.fields {
		f := &b.fields[i]
		at := join(path, f.name)
		if from[i] < 0 {
			if f.hasDefault {
				d.add(at, "added, with the default %s", f.defaultJSON())
			} else {
				d.add(at, "added, without a default")
			}
			continue
		}
		was := &a.fields[from[i]]
		if was.name != f.name {
			d.add(at, "renamed from %s by alias", was.name)
		}
		d.typ(was.typ, f.typ, at)
		if x, y := was.defaultJSON(), f.defaultJSON(); x != y {
			d.add(at, "default from %s to %s", orNone(x), orNone(y))
		}
	}
}

// defaultJSON returns a default as JSON, "" if there is none.
func (f *avroField) defaultJSON() string {
	if !f.hasDefault {
		return ""
	}
	b, err := appendAvroDefault(nil, f.typ, f.value)
	if err != nil {
		return ""
	}
	json, err := newAvroDecoder(f.typ, Data)(nil, b)
	if err != nil {
		return ""
	}
	return string(json)
}
