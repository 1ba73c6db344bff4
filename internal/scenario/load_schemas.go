package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxSchemaFile bounds a schema's file, in bytes; maxSchemaFiles the files of a scenario
// with all that they import, and maxImportDepth how deeply.
const (
	MaxSchemaFile  = 1 << 20
	maxSchemaFiles = 100
	maxImportDepth = 40
)

// LoadSchemas reads the files that the formats of topics name, and those that they import,
// into Encoding.Source and Encoding.Imports. read gets paths with slashes, relative to the
// folder of the scenario's file, and never ones that lead out of it; it is to read at most
// MaxSchemaFile+1 bytes. A mistake is told with its place, in the file where it is. The
// schemas themselves are not checked.
func (s *Scenario) LoadSchemas(read func(path string) ([]byte, error)) Problems {
	l := &schemaLoader{scenario: s, read: read, sources: map[string]string{}}
	for i := range s.Topics {
		t := &s.Topics[i]
		for _, e := range []*Encoding{&t.Format, &t.KeyFormat} {
			if e.File != "" {
				l.load(t, e)
			}
		}
	}
	return l.problems
}

// schemaLoader reads the schema files of a scenario.
type schemaLoader struct {
	scenario *Scenario
	read     func(path string) ([]byte, error)
	sources  map[string]string // by path; of those that were read
	problems Problems
}

// mention is a name of another schema in a schema.
type mention struct {
	name string
	pos  Position
}

// schemaTree is the files of one encoding.
type schemaTree struct {
	*schemaLoader
	form    string
	root    string // the folder of the encoding's file
	imports []Import
	open    []string // the files that are being read, from the encoding's on
}

func (l *schemaLoader) load(t *Topic, e *Encoding) {
	source, text := l.source(e.File)
	if text != "" {
		l.problem(l.scenario.File, e.Pos, "topic %q: %s", t.Alias, text)
		return
	}
	tree := &schemaTree{schemaLoader: l, form: e.Name, root: path.Dir(e.File), open: []string{path.Clean(e.File)}}
	before := len(l.problems)
	tree.follow(e.File, source)
	if len(l.problems) == before {
		e.Source, e.Imports = source, tree.imports
	}
}

func (l *schemaLoader) problem(file string, at Position, format string, args ...any) {
	p := Problem{File: file, Pos: at, Text: fmt.Sprintf(format, args...)}
	if !slices.Contains(l.problems, p) { // two topics may have the same file
		l.problems = append(l.problems, p)
	}
}

// shown returns a schema's file as the scenario's file is named, for problems.
func (l *schemaLoader) shown(file string) string {
	return filepath.Join(filepath.Dir(l.scenario.File), filepath.FromSlash(file))
}

// source returns a file's text, or what is wrong with it.
func (l *schemaLoader) source(file string) (source, problem string) {
	file = path.Clean(file)
	if source, ok := l.sources[file]; ok {
		return source, ""
	}
	if len(l.sources) == maxSchemaFiles {
		return "", fmt.Sprintf("the scenario has more than %d schema files, with what they import", maxSchemaFiles)
	}
	b, err := l.read(file)
	var at *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Sprintf("there is no file %s beside the scenario's", file)
	case errors.As(err, &at):
		return "", fmt.Sprintf("reading %s: %v", file, at.Err)
	case err != nil:
		return "", fmt.Sprintf("reading %s: %v", file, err)
	case len(b) > MaxSchemaFile:
		return "", fmt.Sprintf("%s is larger than %d MiB", file, MaxSchemaFile>>20)
	case !utf8.Valid(b):
		return "", fmt.Sprintf("%s is not UTF-8", file)
	}
	source = strings.TrimPrefix(string(b), "\ufeff")
	l.sources[file] = source
	return source, ""
}

// follow reads what a file imports.
func (t *schemaTree) follow(file, source string) {
	var mentions []mention
	var problem *Problem
	switch t.form {
	case protobufFormat:
		mentions = protobufImports(source)
	case avroFormat:
		mentions, problem = avroMentions(source)
	default:
		mentions, problem = jsonSchemaMentions(source)
	}
	if problem != nil {
		t.problem(t.shown(file), problem.Pos, "%s", problem.Text)
		return
	}
	for _, m := range mentions {
		t.follows(file, m)
	}
}

// follows reads the file that a mention stands for, unless it was read before.
func (t *schemaTree) follows(from string, m mention) {
	candidates, problem := t.candidates(from, m.name)
	if problem != "" {
		t.problem(t.shown(from), m.pos, "%s", problem)
		return
	}
	var file, source string
	for _, c := range candidates {
		text, problem := t.source(c)
		if problem == "" {
			file, source = c, text
			break
		}
		if !strings.HasPrefix(problem, "there is no file") {
			t.problem(t.shown(from), m.pos, "%s", problem)
			return
		}
	}
	switch at := slices.IndexFunc(t.imports, func(i Import) bool { return i.Name == m.name }); {
	case file == "":
		t.problem(t.shown(from), m.pos, "%s", t.missing(m.name, candidates))
	case slices.Contains(t.open, file):
		t.problem(t.shown(from), m.pos, "a cycle of imports: %s", strings.Join(append(slices.Clone(t.open[slices.Index(t.open, file):]), file), ", "))
	case at >= 0 && t.imports[at].File != file:
		t.problem(t.shown(from), m.pos, "%q is %s here and %s elsewhere; give the files different names", m.name, file, t.imports[at].File)
	case at >= 0:
	case len(t.open) == maxImportDepth:
		t.problem(t.shown(from), m.pos, "imports are nested more than %d deep", maxImportDepth)
	case t.form == avroFormat && !avroDefines(source, m.name):
		t.problem(t.shown(from), m.pos, "%s does not define %s", file, m.name)
	default:
		t.open = append(t.open, file)
		t.follow(file, source)
		t.open = t.open[:len(t.open)-1]
		t.imports = append(t.imports, Import{Name: m.name, File: file, Source: source})
	}
}

// candidates returns the files that a name can stand for, the likeliest first.
func (t *schemaTree) candidates(from, name string) (files []string, problem string) {
	switch t.form {
	case protobufFormat:
		files = []string{path.Join(t.root, name), path.Clean(name)}
	case avroFormat:
		dir := path.Dir(from)
		files = []string{path.Join(dir, name+".avsc"), path.Join(dir, name[strings.LastIndexByte(name, '.')+1:]+".avsc"), path.Join(t.root, strings.ReplaceAll(name, ".", "/")+".avsc")}
	default:
		file, problem := uriPath(name)
		if problem != "" {
			return nil, problem
		}
		files = []string{path.Join(path.Dir(from), file)}
	}
	files = slices.Compact(files)
	for _, f := range files {
		if problem := schemaPath(f); problem != "" {
			return nil, problem
		}
	}
	return files, ""
}

// missing describes a name without a file.
func (t *schemaTree) missing(name string, candidates []string) string {
	last := len(candidates) - 1
	files := candidates[last]
	if last > 0 {
		files = strings.Join(candidates[:last], ", ") + " or " + files
	}
	if t.form == avroFormat {
		return fmt.Sprintf("there is no type %s, neither here nor in a file %s", name, files)
	}
	return fmt.Sprintf("there is no file %s in the scenario's folder", files)
}
