package cases

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"inv/internal/scenario"
	"inv/processor/declared"

	"gopkg.in/yaml.v3"
)

// MaxRecorded is the number of records that a recorded case may have.
const MaxRecorded = 1000

// Recorder makes a case of the records that a topology is given.
type Recorder struct {
	Scenario *scenario.Scenario
	Program  *declared.Program
	Formats  declared.Formats // may be nil
	records  []declared.BenchRecord
}

// Add adds a record, which is copied. It fails if there are too many.
func (r *Recorder) Add(b *declared.BenchRecord) error {
	if len(r.records) == MaxRecorded {
		return fmt.Errorf("a recorded test has at most %d records, and there are more", MaxRecorded)
	}
	c := *b
	c.Key, c.Value, c.Headers = bytes.Clone(b.Key), bytes.Clone(b.Value), slices.Clone(b.Headers)
	c.Partition, c.Offset = -1, -1
	r.records = append(r.records, c)
	return nil
}

// AppendTo returns a scenario file with the recorded case among its tests. It has been
// run, and passes. An empty file becomes one with nothing but the test.
func (r *Recorder) AppendTo(ctx context.Context, file string, source []byte, name string) ([]byte, error) {
	if len(r.records) == 0 {
		return nil, errors.New("there were no records, so there is no test")
	}
	start := r.records[0].Timestamp
	for i := range r.records {
		if b := &r.records[i]; !isTable(r.Program.Topology, b.Alias) {
			start = min(start, b.Timestamp)
		} else {
			b.Timestamp = -1 // rows have no time, and come first
		}
	}
	for i := range r.records {
		if r.records[i].Timestamp < 0 {
			r.records[i].Timestamp = start
		}
	}
	got, err := play(r.Scenario, r.Program, r.Formats, variant{partitions: 1}, r.records)
	if err != nil {
		return nil, err
	}
	text, err := r.yaml(start, got, name)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(source)) == 0 {
		return []byte("tests:\n" + indented(text, 2)), r.check(ctx, file, nil, text)
	}
	whole, err := insert(source, text)
	if err != nil {
		return nil, err
	}
	return whole, r.check(ctx, file, whole, text)
}

// check runs the case as it was written. Without a whole file, it is run in the
// scenario that the records were processed by.
func (r *Recorder) check(ctx context.Context, file string, whole []byte, text string) error {
	sc, p := r.Scenario, r.Program
	if whole == nil {
		whole = []byte(standIn(sc, p.Topology) + "tests:\n" + indented(text, 2))
	}
	read, problems := scenario.Read(file, whole)
	if read == nil || len(read.Tests) == 0 {
		return fmt.Errorf("the test can't be written: %w", problems)
	}
	for _, problem := range problems {
		if problem.Pos.Line >= read.Tests[len(read.Tests)-1].Pos.Line {
			return fmt.Errorf("the test can't be written: %w", problem)
		}
	}
	i := slices.IndexFunc(read.Tests, func(t scenario.Test) bool { return strings.Contains(text, nameLine(t.Name)) })
	if i < 0 {
		return errors.New("the test can't be written: it is not found where it was put")
	}
	result, err := Run(ctx, sc, p, r.Formats, &read.Tests[i])
	if err != nil {
		return err
	}
	if len(result.Failures) > 0 {
		f := &result.Failures[0]
		where := ""
		if result.Only != "" {
			where = " " + result.Only
		}
		return fmt.Errorf("the test does not pass when it is run%s, so it was not written: %s of %s%s", where, f.Kind, f.Alias, f.Text)
	}
	return nil
}

// standIn returns a scenario in which a test of the topology can be read.
func standIn(sc *scenario.Scenario, t *scenario.Topology) string {
	var b strings.Builder
	b.WriteString("scenario: s\ntopics:\n")
	for _, topic := range sc.Topics {
		if len(topic.DeadLettersOf) > 0 {
			fmt.Fprintf(&b, "  %s: {dead_letters_of: [%s]}\n", topic.Alias, strings.Join(topic.DeadLettersOf, ", "))
		} else {
			fmt.Fprintf(&b, "  %s: {topic: %s}\n", topic.Alias, word(topic.Name))
		}
	}
	fmt.Fprintf(&b, "topologies:\n  %s:\n    from: {", t.Name)
	for i := range t.From {
		fmt.Fprintf(&b, "%s: {join: {", t.From[i].Alias)
		for k := range t.From[i].Join {
			fmt.Fprintf(&b, "j%d: {table: %s, key: .}, ", k, t.From[i].Join[k].Table)
		}
		b.WriteString("}}, ")
	}
	b.WriteString("}\n    emit:\n")
	for _, alias := range t.Writes() {
		fmt.Fprintf(&b, "      - {to: %s}\n", alias)
	}
	return b.String()
}

func nameLine(name string) string { return "- name: " + word(name) + "\n" }

// yaml returns the case as an element of tests.
func (r *Recorder) yaml(start int64, got []*Record, name string) (string, error) {
	var b strings.Builder
	b.WriteString(nameLine(name))
	fmt.Fprintf(&b, "  topology: %s\n", word(r.Program.Topology.Name))
	fmt.Fprintf(&b, "  start: %s\n  when:\n", time.UnixMilli(start).UTC().Format(time.RFC3339Nano))
	for i := range r.records {
		line, err := r.event(&r.records[i], start)
		if err != nil {
			return "", fmt.Errorf("record %d can't be written to a test: %w", i+1, err)
		}
		fmt.Fprintf(&b, "    - %s\n", line)
	}
	b.WriteString("  then:")
	var aliases []string
	for _, o := range got {
		if !slices.Contains(aliases, o.Alias) {
			aliases = append(aliases, o.Alias)
		}
	}
	if len(aliases) == 0 {
		b.WriteString(" {}")
	}
	b.WriteByte('\n')
	for _, alias := range aliases {
		fmt.Fprintf(&b, "    %s:\n", word(alias))
		for _, o := range got {
			if o.Alias == alias {
				fmt.Fprintf(&b, "      - %s\n", expected(o, start))
			}
		}
	}
	return b.String(), nil
}

// event returns a record of when.
func (r *Recorder) event(b *declared.BenchRecord, start int64) (string, error) {
	if !utf8.Valid(b.Value) || !utf8.Valid(b.Key) {
		return "", errors.New("it is not UTF-8")
	}
	parts := []string{"at: " + since(b.Timestamp-start)}
	text := "null"
	if b.Value != nil {
		v, err := parse(b.Value)
		switch {
		case err != nil, v.kind == '"', v.kind == 'n':
			text = quote(string(b.Value))
		case v.hasTime():
			return "", errors.New("it has a text such as $t, which is a time in a test")
		default:
			v.unplace(b.Timestamp)
			text = v.yaml()
		}
	}
	parts = append(parts, word(b.Alias)+": "+text)
	if derived := keyOf(r.Scenario, &scenario.TestEvent{Alias: b.Alias}, b.Value); b.Key != nil && !bytes.Equal(derived, b.Key) {
		parts = append(parts, "key: "+word(string(b.Key)))
	}
	if len(b.Headers) > 0 && r.Program.UsesHeaders() {
		var headers []string
		for _, h := range b.Headers {
			if !utf8.Valid(h.Value) {
				return "", fmt.Errorf("its header %s is not UTF-8", h.Key)
			}
			value := "null"
			if h.Value != nil {
				value = word(string(h.Value))
			}
			headers = append(headers, word(h.Key)+": "+value)
		}
		parts = append(parts, "headers: {"+strings.Join(headers, ", ")+"}")
	}
	return "{" + strings.Join(parts, ", ") + "}", nil
}

// expected returns a record of then.
func expected(o *Record, start int64) string {
	var parts []string
	if o.Key != nil {
		parts = append(parts, keyName+": "+word(string(o.Key)))
	}
	if o.Reason != "" {
		return "{" + strings.Join(append(parts, reasonName+": "+word(o.Reason)), ", ") + "}"
	}
	parts = append(parts, timeName+": "+since(o.Timestamp-start))
	v, err := parse(o.Value)
	if err != nil || v.kind != '{' {
		return v.yaml()
	}
	v.unplace(o.Timestamp)
	if fields := v.yaml(); fields != "{}" {
		parts = append(parts, fields[1:len(fields)-1])
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// hasTime reports whether a text in the value means a time in a test.
func (v *value) hasTime() bool {
	if _, ok := relativeTime(v.text); ok && v.kind == '"' {
		return true
	}
	return slices.ContainsFunc(v.members, func(m member) bool { return m.hasTime() }) ||
		slices.ContainsFunc(v.list, func(e value) bool { return e.hasTime() })
}

// unplace puts $t in the place of the record's time.
func (v *value) unplace(at int64) {
	if v.kind == '0' && v.text == strconv.FormatInt(at, 10) && at > 1_000_000_000_000 {
		*v = value{kind: '"', text: timeName}
	}
	for i := range v.members {
		v.members[i].unplace(at)
	}
	for i := range v.list {
		v.list[i].unplace(at)
	}
}

// yaml returns the value as YAML on one line.
func (v *value) yaml() string {
	var parts []string
	switch v.kind {
	case '{':
		for i := range v.members {
			parts = append(parts, word(v.members[i].name)+": "+v.members[i].yaml())
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case '[':
		for i := range v.list {
			parts = append(parts, v.list[i].yaml())
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case '"':
		return word(v.text)
	}
	return v.text
}

var (
	plainWord = regexp.MustCompile(`^[A-Za-z$_][A-Za-z0-9_./@$+-]*( [A-Za-z0-9_./@-]+)*$`)
	taken     = regexp.MustCompile(`^(?i:true|false|null|yes|no|on|off|y|n|nan|inf)$`)
)

// word returns a text as YAML: plain if that can't be anything else.
func word(text string) string {
	if len(text) < 200 && plainWord.MatchString(text) && !taken.MatchString(text) {
		return text
	}
	var b strings.Builder
	for _, r := range quote(text) {
		switch {
		case r < 0x7f || unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default: // YAML takes some of these for the end of a line
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// indented returns text with blanks before each line.
func indented(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	for i := range lines {
		if strings.TrimSpace(lines[i]) != "" {
			lines[i] = strings.Repeat(" ", n) + lines[i]
		}
	}
	return strings.Join(lines, "")
}

// insert returns a scenario file with one more test, behind those that it has.
func insert(source []byte, text string) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(source, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode || doc.Content[0].Style&yaml.FlowStyle != 0 {
		return nil, errors.New("it is not a scenario file whose keys have lines of their own")
	}
	root := doc.Content[0]
	lines := strings.SplitAfter(string(source), "\n")
	for i := 0; i < len(root.Content); i += 2 {
		if root.Content[i].Value != "tests" {
			continue
		}
		tests := root.Content[i+1]
		if tests.Kind != yaml.SequenceNode || tests.Style&yaml.FlowStyle != 0 || len(tests.Content) == 0 {
			return nil, errors.New("its tests are not a list with a line for each")
		}
		end := len(lines)
		if i+2 < len(root.Content) {
			end = root.Content[i+2].Line - 1
		}
		for end > 0 && (strings.TrimSpace(lines[end-1]) == "" || strings.HasPrefix(lines[end-1], "#")) {
			end--
		}
		return join(lines[:end], indented(text, tests.Column-1), lines[end:]), nil
	}
	return join(lines, "tests:\n"+indented(text, 2), nil), nil
}

// join returns lines with a text between them, from a new line on.
func join(before []string, text string, after []string) []byte {
	b := strings.Join(before, "")
	if b != "" && !strings.HasSuffix(b, "\n") {
		b += "\n"
	}
	return []byte(b + text + strings.Join(after, ""))
}

// FreeName returns a name that no test of the scenario has.
func FreeName(sc *scenario.Scenario, name string) string {
	free := name
	for n := 2; slices.ContainsFunc(sc.Tests, func(t scenario.Test) bool { return t.Name == free }); n++ {
		free = fmt.Sprintf("%s %d", name, n)
	}
	return free
}
