package producer

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"inv/internal/scenario"
	"inv/internal/suggest"
)

// CompileOptions selects what to compile.
type CompileOptions struct {
	Names    []string // the producers to run; each must exist
	Seed     uint64
	Products int64 // how many rows a producer with `more:` has; 0: those in the file
	// Existing are the rows of the producers with `read: true`, see [Reads].
	Existing map[string][]ExistingRow
	// UnknownRefs makes room for the fault unknown_ref.
	UnknownRefs bool
}

// UnknownProducerError names a producer that the scenario lacks.
type UnknownProducerError struct {
	Name    string
	Nearest string // "" if none is near
	Known   []string
}

func (e *UnknownProducerError) Error() string {
	if e.Nearest != "" {
		return fmt.Sprintf("the scenario has no producer %q; did you mean %q?", e.Name, e.Nearest)
	}
	return fmt.Sprintf("the scenario has no producer %q; it has %s", e.Name, strings.Join(e.Known, ", "))
}

// CausedProducerError names a producer whose records are only caused by others.
type CausedProducerError struct{ Name, Cause string }

func (e *CausedProducerError) Error() string {
	return fmt.Sprintf("the records of %q follow those of %q; produce %s, and they come with it", e.Name, e.Cause, e.Cause)
}

// ReadProducerError names a producer that only stands for the records of a topic.
type ReadProducerError struct{ Name string }

func (e *ReadProducerError) Error() string {
	return fmt.Sprintf("%q makes no records: it stands for those that its topic has (`read: true`)", e.Name)
}

// Compile compiles producers. The error is a [scenario.Problems] with every problem,
// or an [UnknownProducerError].
func Compile(s *scenario.Scenario, o CompileOptions) (*Plan, error) {
	c := newCompiler(s, o)
	plan := &Plan{Scenario: s, Seed: o.Seed}
	for _, name := range o.Names {
		spec := c.spec(name)
		if spec == nil {
			known := producerNames(s)
			return nil, &UnknownProducerError{name, suggest.Nearest(name, known), known}
		}
		if cause := c.causedProducer(spec); cause != "" {
			return nil, &CausedProducerError{name, cause}
		}
		if spec.Read {
			return nil, &ReadProducerError{name}
		}
		if at := c.stream(spec).index; !slices.Contains(plan.running, at) {
			plan.running = append(plan.running, at)
		}
	}
	plan.streams = c.streams
	if err := c.problems.Err(); err != nil {
		return nil, err
	}
	plan.references, plan.grows = c.references, c.grows
	return plan, nil
}

// Check compiles every producer of a scenario and returns the problems.
func Check(s *scenario.Scenario) scenario.Problems {
	c := newCompiler(s, CompileOptions{})
	for i := range s.Producers {
		if p := &s.Producers[i]; c.causedProducer(p) == "" {
			c.stream(p)
		}
	}
	for i := range s.Producers { // what is left causes itself in a circle
		c.stream(&s.Producers[i])
	}
	c.problems.Problems.Sort()
	return slices.Compact(c.problems.Problems)
}

// causedProducer returns the name of the one that causes a producer's records, "" for none.
func (c *compiler) causedProducer(spec *scenario.Producer) string {
	for i := range c.scenario.Producers {
		for _, cause := range c.scenario.Producers[i].Causes {
			if cause.Producer.Text == spec.Name {
				return c.scenario.Producers[i].Name
			}
		}
	}
	return ""
}

func producerNames(s *scenario.Scenario) []string {
	names := make([]string, len(s.Producers))
	for i, p := range s.Producers {
		names[i] = p.Name
	}
	return names
}

type compiler struct {
	scenario   *scenario.Scenario
	options    CompileOptions
	problems   *scenario.Decoder
	streams    []*stream
	sets       map[string]*set
	pools      map[string]*pool
	references map[string]string
	causeOf    map[string]*origin // by the caused producer's name
	lists      int                // how many there are
	grows      bool               // a producer has rows that CompileOptions.Products can add to
}

func newCompiler(s *scenario.Scenario, o CompileOptions) *compiler {
	return &compiler{scenario: s, options: o, problems: &scenario.Decoder{File: s.File},
		sets: map[string]*set{}, pools: map[string]*pool{}, references: map[string]string{}, causeOf: map[string]*origin{}}
}

func (c *compiler) problem(p scenario.Position, format string, args ...any) {
	c.problems.ProblemAt(p, format, args...)
}

func (c *compiler) spec(name string) *scenario.Producer {
	for i := range c.scenario.Producers {
		if c.scenario.Producers[i].Name == name {
			return &c.scenario.Producers[i]
		}
	}
	return nil
}

// alternatives returns the end of a message about an unknown name.
func alternatives(word string, known []string) string {
	if hint := suggest.DidYouMean(word, known); hint != "" || len(known) == 0 {
		return hint
	}
	return "; there is " + strings.Join(known, ", ")
}

// randomKey returns a producer's random key: of the seed, the scenario's and the
// producer's name, so that other producers and comments can change around it.
func (c *compiler) randomKey(producer string) uint64 {
	return mix(mix(c.options.Seed+golden) ^ hashText(c.scenario.Name+"/"+producer))
}

// recordKey returns the random key of a producer's record or row.
func recordKey(producer uint64, n int64) uint64 { return mix(producer + uint64(n)*golden) }

// stream compiles a producer, once.
func (c *compiler) stream(spec *scenario.Producer) *stream {
	for _, s := range c.streams {
		if s.spec == spec {
			return s
		}
	}
	s := &stream{name: spec.Name, index: len(c.streams), spec: spec, random: c.randomKey(spec.Name), total: -1,
		ceType: spec.Type, source: "inv/" + c.scenario.Name + "/" + spec.Name}
	c.streams = append(c.streams, s)
	if s.ceType == "" {
		s.ceType = spec.Name + ".v1"
	}
	s.from = c.causeOf[s.name]
	s.revisits = spec.Earlier+spec.Tombstones > 0
	if s.revisits && (len(spec.Rows) > 0 || spec.States != nil) {
		c.problem(spec.Pos, "producer %q: `earlier` and `tombstones` are for a producer with `value:` and without `states:`", spec.Name)
		s.revisits = false
	}
	c.topic(s)
	if spec.States != nil {
		s.machine = c.machine(spec.States)
	}
	c.content(s)
	c.causes(s)
	return s
}

func (c *compiler) topic(s *stream) {
	var aliases []string
	for _, t := range c.scenario.Topics {
		if len(t.DeadLettersOf) == 0 {
			aliases = append(aliases, t.Alias)
		}
	}
	name := s.spec.Topic
	if name.Text == "" {
		return
	}
	if !slices.Contains(aliases, name.Text) {
		c.problem(name.Pos, "producer %q fills the topic %q, which is no alias under topics%s", s.name, name.Text, alternatives(name.Text, aliases))
		return
	}
	s.topic, _ = c.scenario.Topic(name.Text)
}

// content compiles what a record holds.
func (c *compiler) content(s *stream) {
	if len(s.spec.Rows) > 0 {
		c.rowContent(s)
		return
	}
	if s.spec.Value == nil {
		return
	}
	b := c.builder(s, s.spec.Value)
	s.builder = b
	s.record = c.recordContent(b, b.object(s.spec.Value))
}

// recordContent compiles a record of this value, with what it has around it.
func (c *compiler) recordContent(b *builder, root *node) rowContent {
	spec := b.stream.spec
	r := rowContent{fields: root.fields}
	var inside *node
	r.key, inside = b.key(spec.Key)
	r.program = encoder(root, spec.Format, inside)
	r.value = r.program.function()
	if spec.Partition != nil {
		n := b.gen(spec.Partition, "partition")
		if r.partition = n.num; n.num == nil || n.dec != 0 {
			c.problem(spec.Partition.Pos, "partition must be whole numbers, not %s", kindNames[n.kind])
		}
	}
	for _, h := range spec.Headers {
		n := b.gen(h.Gen, "headers."+h.Name)
		if n.text == nil {
			c.problem(h.Pos, "a header must be a plain value, not %s", kindNames[n.kind])
			continue
		}
		r.headers = append(r.headers, header{h.Name, n.orEmpty()})
	}
	return r
}

// builder compiles the generators of one record, row or element. Names are
// looked up in it and then around it.
type builder struct {
	c      *compiler
	stream *stream
	spec   *scenario.Object
	path   string   // where it stands in the value
	up     *builder // around it
	levels int      // how many frames up is: 1 for an element, 0 for an object in an object
	built  map[string]*node
	doing  map[string]bool
}

func (c *compiler) builder(s *stream, g *scenario.Gen) *builder {
	b := &builder{c: c, stream: s, built: map[string]*node{}, doing: map[string]bool{}}
	b.spec, _ = g.Spec.(*scenario.Object)
	if b.spec == nil {
		b.spec = &scenario.Object{}
	}
	return b
}

// inner returns the builder of an object or element inside this one.
func (b *builder) inner(g *scenario.Gen, path string, levels int) *builder {
	in := b.c.builder(b.stream, g)
	in.path, in.up, in.levels = path+".", b, levels
	return in
}

// object compiles all fields in order.
func (b *builder) object(g *scenario.Gen) *node {
	n := &node{kind: kindObject}
	for _, f := range b.spec.Fields {
		field := b.field(f.Name)
		if field == nil {
			continue
		}
		if f.Gen.Hidden {
			n.hidden = append(n.hidden, fieldNode{f.Name, field})
			continue
		}
		n.fields = append(n.fields, fieldNode{f.Name, field})
		n.timed = n.timed || field.timed
		n.cost += field.cost
	}
	return n
}

// field compiles one field, once; nil if it refers to itself.
func (b *builder) field(name string) *node {
	if n := b.built[name]; n != nil {
		return n
	}
	if b.doing[name] {
		return nil
	}
	for _, f := range b.spec.Fields {
		if f.Name == name {
			b.doing[name] = true
			n := b.gen(f.Gen, b.path+name)
			delete(b.doing, name)
			if b.isKey(name) {
				n = b.identity(n)
			}
			b.built[name] = n
			return n
		}
	}
	return nil
}

func (b *builder) isKey(name string) bool {
	p := b.stream.spec
	return b.up == nil && p.Key != nil && p.Key.Field.Text == name && p.Earlier+p.Tombstones > 0
}

func (b *builder) names() []string {
	var names []string
	for at := b; at != nil; at = at.up {
		for _, f := range at.spec.Fields {
			names = append(names, f.Name)
		}
	}
	return names
}

// broken stands for a generator with a problem, so that the others are checked.
func broken() *node {
	return number(0, func(*worker, *frame) int64 { return 0 })
}

// maxCost bounds how many plain values one record computes, counting each
// list at its longest and a field again wherever another refers to it.
const maxCost = 1_000_000

// key compiles a record's key, nil if it has none. field is the one whose text it
// is, if it is one's.
func (b *builder) key(k *scenario.Key) (key appendFunc, field *node) {
	switch {
	case k == nil || k.Field.Text == "" && k.Gen == nil:
		return nil, nil
	case k.Gen != nil:
		n := b.gen(k.Gen, "key")
		if n.text == nil {
			b.c.problem(k.Pos, "a key must be a plain value, not %s", kindNames[n.kind])
			return nil, nil
		}
		if b.stream.spec.Earlier+b.stream.spec.Tombstones > 0 {
			n = b.identity(n)
		}
		return b.keyEncoding(k, n), nil
	}
	n, _ := b.lookup(k.Field.Text, k.Field.Pos, "key")
	if n == nil {
		return nil, nil
	}
	if n.text == nil {
		b.c.problem(k.Pos, "the key field %q must be a plain value, not %s", k.Field.Text, kindNames[n.kind])
		return nil, nil
	}
	if keySize(k) > 0 {
		return b.keyEncoding(k, n), nil
	}
	return b.keyEncoding(k, n), n
}

// keySize returns how many bytes a key's encoding has; 0: it is a text.
func keySize(k *scenario.Key) int {
	switch k.Encoding {
	case "int32":
		return 4
	case "int64":
		return 8
	}
	return 0
}

func (b *builder) keyEncoding(k *scenario.Key, n *node) appendFunc {
	size := keySize(k)
	if size == 0 {
		return n.orEmpty()
	}
	num := n.num
	if num == nil || n.dec != 0 {
		b.c.problem(k.Pos, "a key of encoding %s must be whole numbers, not %s", k.Encoding, kindNames[n.kind])
		return n.text
	}
	return func(w *worker, f *frame, dst []byte) []byte {
		v := num(w, f)
		for i := size - 1; i >= 0; i-- {
			dst = append(dst, byte(v>>(8*i)))
		}
		return dst
	}
}

// maxRows bounds how many rows there can be, so that no product overflows.
const maxRows = math.MaxInt32
