package scenario

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"inv/internal/suggest"
)

// avroPrimitives are the types that every Avro schema has.
var avroPrimitives = []string{"null", "boolean", "int", "long", "float", "double", "bytes", "string", "record", "error", "enum", "array", "map", "fixed"}

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
func (a *avroNames) walk(n *jsonNode, namespace string) {
	if a.depth++; n == nil || a.depth > maxDepth*3 {
		a.depth--
		return
	}
	defer func() { a.depth-- }()
	switch {
	case n.kind == '"':
		if name := n.text; !slices.Contains(avroPrimitives, name) && name != "" {
			a.mentions = append(a.mentions, mention{qualified(name, namespace), n.pos})
		}
	case n.kind == '[':
		for _, branch := range n.members {
			a.walk(branch, namespace)
		}
	case n.kind == '{':
		a.object(n, namespace)
	}
}

func (a *avroNames) object(n *jsonNode, namespace string) {
	of := n.get("type")
	kind := ""
	if of != nil && of.kind == '"' {
		kind = of.text
	}
	switch kind {
	case "record", "error", "enum", "fixed":
		name := n.textOf("name")
		if given := n.get("namespace"); given != nil && !strings.ContainsRune(name, '.') {
			namespace = given.text
		}
		name = qualified(name, namespace)
		a.defined[name] = true
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
			namespace = name[:dot]
		} else {
			namespace = ""
		}
		if fields := n.get("fields"); fields != nil {
			for _, f := range fields.members {
				a.walk(f.get("type"), namespace)
			}
		}
	case "array":
		a.walk(n.get("items"), namespace)
	case "map":
		a.walk(n.get("values"), namespace)
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
	root.refs(func(ref *jsonNode) {
		name, _, _ := strings.Cut(ref.text, "#")
		known := strings.Contains(name, "://json-schema.org/")
		if name != "" && !known && !slices.ContainsFunc(out, func(o mention) bool { return o.name == name }) {
			out = append(out, mention{name, ref.pos})
		}
	})
	return out, nil
}

// refs calls f for every text that is a $ref. Values that are data are no schemas.
func (n *jsonNode) refs(f func(*jsonNode)) {
	for i, m := range n.members {
		key := ""
		if n.kind == '{' {
			key = n.keys[i]
		}
		switch {
		case key == "const", key == "enum", key == "default", key == "examples":
		case key == "$ref" && m.kind == '"':
			f(m)
		default:
			m.refs(f)
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
