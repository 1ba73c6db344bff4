package convert

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzXML compares with encoding/xml: what both read has the same content.
func FuzzXML(f *testing.F) {
	for _, seed := range []struct{ value, lists string }{
		{legacy, "addr.street"},
		{"<R>\n <l i='1'><v>2</v></l>\n <m/><l i='2'/>&#32;x <![CDATA[ < ]]>\n</R>", "l l.v m.n"},
		{`<a:R xmlns:a="u"><a:b xsi:nil="true"/><c xsi:nil="1" d=""/>&lt;&amp;"\</a:R>`, "a:b"},
		{"<?xml version=\"1.0\"?><!--c--><R a='\t&#9;\r\n'>é\r\n<?p q?>x<!-- --> </R>\n", ""},
		{"<R><a/><b/><c/><d/><e/><f/><g/><h/><i/><j/><k/><l/><m/><n/><a>2</a></R>", "a"},
		{"<R a='' b='' c='' d='' e='' f='' g='' h='' i='' j='' k='' l='' m='' c=''/>", ""},
	} {
		f.Add(seed.value, seed.lists)
	}
	f.Fuzz(func(t *testing.T, value, lists string) {
		x, err := NewXML(strings.Fields(lists))
		if err != nil {
			return
		}
		out, err := x.AppendJSON(nil, []byte(value))
		if err != nil {
			if e := err.(*Error); e.Offset < 0 || e.Offset > len(value) || !utf8.ValidString(e.Reason) {
				t.Fatalf("%q: %#v", value, e)
			}
			return
		}
		if bytes.ContainsAny(out, "\n\r") {
			t.Fatalf("%q: several lines: %s", value, out)
		}
		got := decoded(t, out)
		again, err := x.AppendJSON(nil, []byte(value))
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%q: %s, then %s, %v", value, out, again, err)
		}
		i, _ := begin([]byte(value))
		x.b = []byte(value)
		i, _ = x.declaration(i)
		if x.v11 && strings.ContainsAny(value, "\u0085\u2028") {
			return // other line ends
		}
		want, err := naive(value[i:], x.lists)
		if err != nil {
			if !x.v11 && !strings.Contains(value, ":") && isASCII(value) {
				t.Fatalf("%q: %s, but %v", value, out, err)
			}
			return
		}
		if !reflect.DeepEqual(spaced(got), want) {
			t.Fatalf("%q with %s: %s; want %#v", value, lists, out, want)
		}
	})
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

func decoded(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// tree is an element as encoding/xml reads it.
type tree struct {
	attributes map[string]string
	names      []string
	elements   map[string][]*tree
	pieces     []string // of text
	raw        []string // what the pieces are in the value
}

// naive returns the content of a value by the rules of the package comment.
func naive(value string, lists *path) (any, error) {
	d := xml.NewDecoder(strings.NewReader(value))
	top := &tree{elements: map[string][]*tree{}}
	open := []*tree{top}
	for {
		from := d.InputOffset()
		token, err := d.RawToken()
		if err == io.EOF {
			var root *tree
			for _, r := range top.elements {
				root = r[0]
			}
			return root.value(lists, true), nil
		}
		if err != nil {
			return nil, err
		}
		in := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			e := &tree{attributes: map[string]string{}, elements: map[string][]*tree{}}
			for _, a := range token.Attr {
				e.attributes[full(a.Name)] = spaces(a.Value)
			}
			in.names = append(in.names, full(token.Name))
			in.elements[full(token.Name)] = append(in.elements[full(token.Name)], e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if raw := value[from:d.InputOffset()]; raw != "<![CDATA[]]>" {
				in.pieces, in.raw = append(in.pieces, string(token)), append(in.raw, strings.ReplaceAll(raw, "\r\n", "\n"))
			}
		}
	}
}

// spaces returns a text with a space for each white space: encoding/xml does not do that
// in the values of attributes, and then references can't be distinguished.
func spaces(text string) string {
	return strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(text)
}

// spaced does it in all attributes of a value.
func spaced(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			if text, ok := v[name].(string); ok && name[0] == '@' {
				v[name] = spaces(text)
			} else {
				v[name] = spaced(v[name])
			}
		}
	case []any:
		for i := range v {
			v[i] = spaced(v[i])
		}
	}
	return v
}

func full(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

func (e *tree) value(p *path, root bool) any {
	text := strings.Join(e.pieces, "")
	some := false
	for _, raw := range e.raw {
		some = some || !isBlank(raw)
	}
	if !some {
		text = ""
	}
	null := e.attributes["xsi:nil"] == "true" || e.attributes["xsi:nil"] == "1"
	for name := range e.attributes {
		null = null && (name == "xsi:nil" || name == "xmlns" || strings.HasPrefix(name, "xmlns:"))
	}
	if null && !root && !some && len(e.elements) == 0 {
		return nil
	}
	if !root && len(e.attributes) == 0 && len(e.elements) == 0 && !p.declares() {
		return text
	}
	object := map[string]any{}
	for name, value := range e.attributes {
		object["@"+name] = value
	}
	for name, elements := range e.elements {
		of := p.child([]byte(name))
		var list []any
		for _, element := range elements {
			list = append(list, element.value(of, false))
		}
		if object[name] = list[0]; len(list) > 1 || of != nil && of.list {
			object[name] = list
		}
	}
	if p != nil {
		for _, next := range p.next {
			if next.list && object[next.name] == nil && len(e.elements[next.name]) == 0 {
				object[next.name] = []any{}
			}
		}
	}
	if some {
		if object["#text"] = text; len(e.elements) > 0 {
			object["#text"] = e.cut()
		}
	}
	return object
}

func isBlank(raw string) bool { return strings.Trim(raw, " \t\r\n") == "" }

// cut returns the text without white space at its ends, unless that is a reference or a
// CDATA section.
func (e *tree) cut() string {
	pieces, raw := slices.Clone(e.pieces), e.raw
	for isBlank(raw[0]) {
		pieces, raw = pieces[1:], raw[1:]
	}
	for isBlank(raw[len(raw)-1]) {
		pieces, raw = pieces[:len(pieces)-1], raw[:len(raw)-1]
	}
	last := len(raw) - 1
	pieces[last] = pieces[last][:len(pieces[last])-(len(raw[last])-len(strings.TrimRight(raw[last], " \t\r\n")))]
	pieces[0] = pieces[0][len(raw[0])-len(strings.TrimLeft(raw[0], " \t\r\n")):]
	return strings.Join(pieces, "")
}

// FuzzCSV compares with encoding/csv.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"7,Anna,1.50\n", "\"a, \"\"b\"\"\",\"c\r\nd\"\r\n", ",", `""`, "a\"b", "é\\\x00,\"\t\"", "a\nb", "\"a\r\r\n\""} {
		f.Add(seed, seed[:1])
	}
	f.Fuzz(func(t *testing.T, value, column string) {
		for _, columns := range [][]string{nil, {column, "b"}} {
			c, err := NewCSV(columns)
			if err != nil || !utf8.ValidString(column) {
				continue
			}
			out, err := c.AppendJSON(nil, []byte(value))
			if err != nil {
				if e := err.(*Error); e.Offset < 0 || e.Offset > len(value) || !utf8.ValidString(e.Reason) {
					t.Fatalf("%q: %#v", value, e)
				}
				continue
			}
			if bytes.ContainsAny(out, "\n\r") {
				t.Fatalf("%q: several lines: %s", value, out)
			}
			r := csv.NewReader(strings.NewReader(strings.TrimPrefix(value, string(byteOrderMark))))
			want, err := r.ReadAll()
			if err != nil || len(want) != 1 {
				t.Fatalf("%q: %s, but %q, %v", value, out, want, err)
			}
			got, fields := decoded(t, out), []any{}
			if object, ok := got.(map[string]any); ok {
				fields = append(fields, object[column], object["b"])
			} else {
				fields = got.([]any)
			}
			for i := range fields {
				// encoding/csv makes line breaks in quotes line feeds.
				if text := strings.ReplaceAll(fields[i].(string), "\r\n", "\n"); len(fields) != len(want[0]) || text != want[0][i] {
					t.Fatalf("%q: %s; want %q", value, out, want[0])
				}
			}
		}
	})
}
