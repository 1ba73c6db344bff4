package scenario

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"inv/internal/jsonplace"
	"inv/internal/suggest"
)

// avroPrimitives are the types that every Avro schema has.
var avroPrimitives = []string{"null", "boolean", "int", "long", "float", "double", "bytes", "string", "record", "error", "enum", "array", "map", "fixed"}

// parseJSONText reads a JSON text, or says where it is none.
func parseJSONText(source string) (*jsonplace.Node, *Problem) {
	root, err := jsonplace.Parse(source)
	var syntax *jsonplace.SyntaxError
	if errors.As(err, &syntax) {
		return nil, &Problem{Pos: Position{syntax.Line, syntax.Column}, Text: syntax.Text}
	}
	return root, nil
}

func placeOf(n *jsonplace.Node) Position { return Position{n.Line, n.Column} }

// avroNames collects the types that an Avro schema defines, and those that it mentions.
type avroNames struct {
	defined  map[string]bool
	mentions []mention
	depth    int
}

// avroMentions returns the types that an Avro schema uses and does not define, each once.
func avroMentions(source string) (out []mention, problem *Problem) {
	root, problem := parseJSONText(source)
	if problem != nil {
		return nil, problem
	}
	names := avroNames{defined: map[string]bool{}}
	names.walk(root, "")
	for _, m := range names.mentions {
		if names.defined[m.name] || slices.ContainsFunc(out, func(o mention) bool { return o.name == m.name }) {
			continue
		}
		if near := suggest.Nearest(m.name, avroPrimitives); near != "" && !strings.ContainsRune(m.name, '.') {
			return nil, &Problem{Pos: m.pos, Text: fmt.Sprintf("Avro has no type %q; did you mean %q?", m.name, near)}
		}
		out = append(out, m)
	}
	return out, nil
}

// avroDefines reports whether an Avro schema defines a type.
func avroDefines(source, name string) bool {
	root, problem := parseJSONText(source)
	names := avroNames{defined: map[string]bool{}}
	names.walk(root, "")
	return problem != nil || names.defined[name]
}

// walk visits a schema within a namespace.
func (a *avroNames) walk(n *jsonplace.Node, namespace string) {
	if a.depth++; n == nil || a.depth > maxDepth*3 {
		a.depth--
		return
	}
	defer func() { a.depth-- }()
	switch {
	case n.Kind == jsonplace.Text:
		if name := n.Text; !slices.Contains(avroPrimitives, name) && name != "" {
			a.mentions = append(a.mentions, mention{qualified(name, namespace), placeOf(n)})
		}
	case n.Kind == jsonplace.List:
		for _, branch := range n.Members {
			a.walk(branch, namespace)
		}
	case n.Kind == jsonplace.Object:
		a.object(n, namespace)
	}
}

func (a *avroNames) object(n *jsonplace.Node, namespace string) {
	of := n.Get("type")
	kind := ""
	if of != nil && of.Kind == jsonplace.Text {
		kind = of.Text
	}
	switch kind {
	case "record", "error", "enum", "fixed":
		name := n.TextOf("name")
		if given := n.Get("namespace"); given != nil && !strings.ContainsRune(name, '.') {
			namespace = given.Text
		}
		name = qualified(name, namespace)
		a.defined[name] = true
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
			namespace = name[:dot]
		} else {
			namespace = ""
		}
		if fields := n.Get("fields"); fields != nil {
			for _, f := range fields.Members {
				a.walk(f.Get("type"), namespace)
			}
		}
	case "array":
		a.walk(n.Get("items"), namespace)
	case "map":
		a.walk(n.Get("values"), namespace)
	default:
		a.walk(of, namespace)
	}
}

// qualified returns the full name of a type.
func qualified(name, namespace string) string {
	if namespace == "" || strings.ContainsRune(name, '.') {
		return name
	}
	return namespace + "." + name
}

// jsonSchemaMentions returns the files that a JSON Schema refers to, each once.
func jsonSchemaMentions(source string) (out []mention, problem *Problem) {
	root, problem := parseJSONText(source)
	if problem != nil {
		return nil, problem
	}
	refs(root, func(ref *jsonplace.Node) {
		name, _, _ := strings.Cut(ref.Text, "#")
		known := strings.Contains(name, "://json-schema.org/")
		if name != "" && !known && !slices.ContainsFunc(out, func(o mention) bool { return o.name == name }) {
			out = append(out, mention{name, placeOf(ref)})
		}
	})
	return out, nil
}

// refs calls f for every text in a schema that is a $ref. Values that are data are no schemas.
func refs(n *jsonplace.Node, f func(*jsonplace.Node)) {
	for i, m := range n.Members {
		key := ""
		if n.Kind == jsonplace.Object {
			key = n.Keys[i]
		}
		switch {
		case key == "const", key == "enum", key == "default", key == "examples":
		case key == "$ref" && m.Kind == jsonplace.Text:
			f(m)
		default:
			refs(m, f)
		}
	}
}

// uriPath returns the path of a file that a URI reference without a fragment stands for.
func uriPath(uri string) (file, problem string) {
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return "", fmt.Sprintf("%q is no URI", uri)
	case u.Scheme != "" || u.Host != "":
		return "", fmt.Sprintf("%q is not in the scenario's folder; copy the file there, and refer to it by its name", uri)
	}
	return u.Path, ""
}

// protobufImports returns the files that a Protobuf file imports, without those that come
// with Protobuf. What is no Protobuf has none: the compiler says what is wrong with it.
func protobufImports(source string) (out []mention) {
	l := protobufLexer{source: source, line: 1}
	depth := 0
	for {
		word, _ := l.next()
		switch word {
		case "":
			return out
		case "{":
			depth++
		case "}":
			depth--
		case "import":
			name, at := l.next()
			if name == "public" || name == "weak" || name == "option" {
				name, at = l.next()
			}
			name, quoted := unquoted(name)
			if depth == 0 && quoted && !strings.HasPrefix(name, "google/protobuf/") && !slices.ContainsFunc(out, func(o mention) bool { return o.name == name }) {
				out = append(out, mention{name, at})
			}
		}
	}
}

// protobufLexer splits a Protobuf file into words, texts in quotes and single other
// characters, without comments.
type protobufLexer struct {
	source string
	at     int // in source
	line   int // from 1
	start  int // of the line
}

// next returns the next of them, "" at the end, and where it begins.
func (l *protobufLexer) next() (string, Position) {
	l.skip()
	begin := l.at
	pos := Position{l.line, utf8.RuneCountInString(l.source[l.start:begin]) + 1}
	if begin == len(l.source) {
		return "", pos
	}
	switch c := l.source[begin]; {
	case c == '"' || c == '\'':
		for l.at++; l.at < len(l.source) && l.source[l.at] != c && l.source[l.at] != '\n'; l.at++ {
			if l.source[l.at] == '\\' {
				l.at++
			}
		}
		l.at = min(l.at+1, len(l.source))
	case isLetter(c):
		for l.at < len(l.source) && (isLetter(l.source[l.at]) || isDigit(l.source[l.at])) {
			l.at++
		}
	default:
		l.at++
	}
	return l.source[begin:l.at], pos
}

// skip goes over white space and comments.
func (l *protobufLexer) skip() {
	for l.at < len(l.source) {
		rest := l.source[l.at:]
		switch {
		case rest[0] == '\n':
			l.at++
			l.line, l.start = l.line+1, l.at
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r':
			l.at++
		case strings.HasPrefix(rest, "//"):
			l.at += len(strings.SplitN(rest, "\n", 2)[0])
		case strings.HasPrefix(rest, "/*"):
			comment, _, _ := strings.Cut(rest[2:], "*/")
			l.line += strings.Count(comment, "\n")
			if last := strings.LastIndexByte(comment, '\n'); last >= 0 {
				l.start = l.at + 2 + last + 1
			}
			l.at = min(l.at+len(comment)+4, len(l.source))
		default:
			return
		}
	}
}

// unquoted returns the text between quotes.
func unquoted(word string) (text string, quoted bool) {
	if len(word) < 2 || word[0] != '"' && word[0] != '\'' || word[len(word)-1] != word[0] {
		return "", false
	}
	return word[1 : len(word)-1], true
}
