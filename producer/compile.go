package producer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/internal/suggest"
)

// CompileOptions selects what to compile.
type CompileOptions struct {
	Names    []string // the producers to run; each must exist
	Seed     uint64
	Products int64 // how many rows a producer with `more:` has; 0: those in the file
	// Existing are the rows of the producers with `read: true`, see [ReadExisting].
	Existing map[string][]ExistingRow
	// UnknownRefs prepares for the fault unknown_ref.
	UnknownRefs bool
	// Writers are how topics with a format are written, by alias. Other topics are written
	// in the producers' formats.
	Writers map[string]Writers
}

// UnknownProducerError names a producer that the scenario lacks.
type UnknownProducerError struct {
	Name  string
	Known []string // the names of those that it has
}

func (e *UnknownProducerError) Error() string {
	return fmt.Sprintf("the scenario has no producer %q%s", e.Name, alternatives(e.Name, e.Known))
}

// CausedProducerError names a producer whose records are caused by another's, and
// are produced with them.
type CausedProducerError struct {
	Name   string
	Causes []string // the names of the other producers
}

func (e *CausedProducerError) Error() string {
	return fmt.Sprintf("the records of %q are caused by those of %s, and are produced together with them", e.Name, quotedAll(e.Causes))
}

// quotedAll returns names as "a", "b" and "c".
func quotedAll(names []string) string {
	var b strings.Builder
	for i, name := range names {
		switch {
		case i > 0 && i == len(names)-1:
			b.WriteString(" and ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(name))
	}
	return b.String()
}

// ReadProducerError names a producer that only describes a topic's existing records.
type ReadProducerError struct{ Name string }

func (e *ReadProducerError) Error() string {
	return fmt.Sprintf("%q produces nothing: it describes the records that its topic already has (`read: true`)", e.Name)
}

// Compile compiles producers. The error is a [scenario.Problems] with every problem, an
// [UnknownProducerError], a [CausedProducerError] or a [ReadProducerError].
func Compile(s *scenario.Scenario, o CompileOptions) (*Plan, error) {
	c := newCompiler(s, o)
	plan := &Plan{Scenario: s, Seed: o.Seed, writers: o.Writers}
	for _, name := range o.Names {
		spec := c.spec(name)
		if spec == nil {
			return nil, &UnknownProducerError{name, c.runnable()}
		}
		if c.lineage.caused[spec] {
			return nil, &CausedProducerError{name, c.lineage.causing(spec)}
		}
		if spec.Read {
			return nil, &ReadProducerError{name}
		}
		plan.add(c.stream(spec))
		if at := c.stream(spec).index; !slices.Contains(plan.running, at) {
			plan.running = append(plan.running, at)
		}
	}
	c.finish()
	if err := c.problems.Err(); err != nil {
		return nil, err
	}
	plan.references, plan.grows, plan.fine, plan.computesTimes = referred(plan.streams), c.grows, c.fineTimes, c.computesTimes
	return plan, nil
}

// Check compiles every producer of a scenario and returns the problems.
func Check(s *scenario.Scenario) scenario.Problems {
	c := newCompiler(s, CompileOptions{})
	c.checking = true
	for i := range s.Producers {
		if p := &s.Producers[i]; !c.lineage.caused[p] {
			c.stream(p)
		}
	}
	c.finish()
	c.problems.Problems.Sort()
	return slices.Compact(c.problems.Problems)
}

func (c *compiler) finish() {
	for _, f := range c.finally {
		f()
	}
}

func producerNames(s *scenario.Scenario) []string {
	names := make([]string, len(s.Producers))
	for i, p := range s.Producers {
		names[i] = p.Name
	}
	return names
}

// Runnable returns the names of the producers that can be run by name, in the file's order.
// Those that others cause run with them.
func Runnable(s *scenario.Scenario) []string {
	return newCompiler(s, CompileOptions{}).runnable()
}

func (c *compiler) runnable() (names []string) {
	for i := range c.scenario.Producers {
		if p := &c.scenario.Producers[i]; !c.lineage.caused[p] && !p.Read {
			names = append(names, p.Name)
		}
	}
	return names
}

type compiler struct {
	scenario   *scenario.Scenario
	options    CompileOptions
	problems   *scenario.Decoder
	streams    []*stream
	sets       map[string]*set
	pools      map[string]*constants // by function, size and parameters
	references map[string]string
	lineage    *lineage
	avro       map[*registry.Schema]*avroEncoder
	proto      map[*registry.Schema]*protoEncoder
	finally    []func() // what remains to be done when all is compiled
	fineTimes  fineTimes
	// computesTimes: an expression has a time, which must be within timeLimits.
	computesTimes bool
	lists         int  // their number
	grows         bool // a producer has rows that CompileOptions.Products can add to
	checking      bool // the plan is not run
	shaping       bool // only the types of values are asked for, with any number of products
}

func newCompiler(s *scenario.Scenario, o CompileOptions) *compiler {
	c := &compiler{scenario: s, options: o, problems: &scenario.Decoder{File: s.File},
		sets: map[string]*set{}, pools: map[string]*constants{}, references: map[string]string{},
		avro: map[*registry.Schema]*avroEncoder{}, proto: map[*registry.Schema]*protoEncoder{}}
	c.lineage = c.newLineage()
	return c
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

// alternatives ends a message about an unknown name with the nearest known one, or all.
func alternatives(word string, known []string) string {
	if hint := suggest.DidYouMean(word, known); hint != "" || len(known) == 0 {
		return hint
	}
	return "; there is " + strings.Join(known, ", ")
}

// randomKey returns a producer's random key. It depends on the seed, the scenario's name
// and the producer's, so that the rest of the scenario can change.
func (c *compiler) randomKey(producer string) uint64 {
	return mix(mix(c.options.Seed+golden) ^ hashText(c.scenario.Name+"/"+producer))
}

// recordKey returns the random key of a producer's record or row.
func recordKey(producer uint64, n int64) uint64 { return mix(producer + uint64(n)*golden) }

// declared returns a producer's stream, of which fields can be looked up.
func (c *compiler) declared(spec *scenario.Producer) *stream {
	for _, s := range c.streams {
		if s.spec == spec {
			return s
		}
	}
	s := &stream{name: spec.Name, spec: spec, forms: map[string]*node{}, random: c.randomKey(spec.Name), total: -1,
		ceType: cmp.Or(spec.Type, spec.Name+".v1"), source: "inv/" + c.scenario.Name + "/" + spec.Name}
	c.streams = append(c.streams, s)
	s.from = c.lineage.origins(spec)
	if s.revisits = revisits(spec); s.revisits && c.lineage.nested[spec] {
		c.problem(spec.Pos, "producer %q: `earlier` and `tombstones` are not for a producer that causes itself, or is caused by one that does", spec.Name)
		s.revisits = false
	}
	if s.revisits && (len(spec.Rows) > 0 || spec.States != nil) {
		c.problem(spec.Pos, "producer %q: `earlier` and `tombstones` are for a producer with `value:` and without `states:`", spec.Name)
		s.revisits = false
	}
	if s.live = s.revisits && spec.Live; s.live {
		s.memory = &memory{}
	}
	if spec.States != nil {
		s.machine = c.machine(spec.States)
	}
	if spec.Value != nil {
		s.builder = c.builder(s, spec.Value)
	}
	return s
}

// stream compiles a producer, once.
func (c *compiler) stream(spec *scenario.Producer) *stream {
	s := c.declared(spec)
	if s.compiled {
		return s
	}
	s.compiled = true
	c.topics(s)
	c.content(s)
	if s.memory != nil {
		s.memory.check(c)
	}
	c.causes(s)
	c.finally = append(c.finally, func() { c.fit(s) })
	return s
}

// content compiles the contents of a stream's records.
func (c *compiler) content(s *stream) {
	spec := s.spec
	add := func(row *scenario.Gen) {
		b := c.builder(s, row)
		s.rows = append(s.rows, c.recordContent(b, b.object()))
	}
	switch {
	case len(spec.Rows) > 0:
		s.total = int64(len(spec.Rows))
		if spec.More != nil && c.options.Products > 0 {
			s.total = c.options.Products
		}
		for _, row := range spec.Rows {
			add(row)
		}
		if spec.More != nil {
			c.grows = true
			add(spec.More)
		}
	case spec.Value != nil:
		s.record = c.recordContent(s.builder, s.builder.object())
	}
}

// recordContent compiles a record with this value.
func (c *compiler) recordContent(b *builder, root *node) rowContent {
	spec := b.stream.spec
	r := rowContent{}
	key := b.key(spec.Key)
	switch {
	case spec.Format.Name == "text":
		root = b.text(&scenario.Text{Text: *spec.Format.Text})
	case !c.encodable(spec, root):
		root = &node{kind: kindObject}
	}
	r.root, r.keyNode = root, key.node
	r.encoded, r.noKey = c.encoded(spec, root, key, b.stream.topic.Alias), key.null
	if r.route = b.route(spec.Route); r.route != nil && len(c.options.Writers) > 0 {
		for _, t := range b.stream.routes {
			r.routed = append(r.routed, c.encoded(spec, root, key, t.Alias))
		}
	}
	b.partition(&r)
	for _, h := range spec.Headers {
		n := b.gen(h.Gen, "headers."+h.Name)
		switch {
		case n.text == nil:
			c.problem(h.Pos, "a header must be a plain value, not %s", kindNames[n.kind])
		case h.Name == FaultHeader:
			c.problem(h.Pos, "the header %s names a record's fault; choose another name", FaultHeader)
		default:
			r.headers = append(r.headers, header{h.Name, n.text, n.null, n.absent})
		}
	}
	return r
}

// partition compiles the generator of partition numbers. Where it is null, the
// partitioner decides.
func (b *builder) partition(r *rowContent) {
	spec, topic := b.stream.spec.Partition, b.stream.topic
	if spec == nil {
		return
	}
	n := b.gen(spec, "partition")
	num := b.c.whole(n, spec.Pos, "partition")
	wrong := n.limits.low
	if wrong >= 0 {
		wrong = n.limits.high
	}
	switch partitions := int64(topic.Partitions); {
	case num == nil:
	case partitions > 0 && (wrong < 0 || wrong >= partitions):
		b.c.problem(spec.Pos, "partition: topic %q has the partitions 0 to %d, and not %d; see its `partitions:`", topic.Alias, partitions-1, wrong)
	default:
		r.partition, r.noPartition = num, n.missing()
	}
}

// keyContent is a compiled key.
type keyContent struct {
	text  appendFunc // nil: no key
	null  testFunc   // the key is null; nil: never
	field *node      // the field with the same text; nil: no such field
	node  *node
}

// key compiles a record's key.
func (b *builder) key(k *scenario.Key) (out keyContent) {
	var n *node
	switch {
	case k == nil || k.Field.Text == "" && k.Gen == nil:
		return out
	case k.Gen == nil:
		n, _ = b.lookup(k.Field.Text, k.Field.Pos, "key")
		out.field = n
	default:
		if n = b.gen(k.Gen, "key"); revisits(b.stream.spec) {
			n = b.identity(n)
		}
	}
	if n == nil {
		return keyContent{}
	}
	if revisits(b.stream.spec) && n.hasElements() {
		b.c.problem(k.Pos, "the key has a list with elements, and records with an earlier key can't repeat it; write its values, as in [1, {copy: id}]")
		return keyContent{}
	}
	if out.null, out.node = n.missing(), n; out.null != nil && b.stream.topic.Compact {
		b.c.problem(k.Pos, "the key can be null, but the topic %s is compacted, and takes no records without a key", b.stream.topic.Alias)
	}
	size := map[string]int{"int32": 4, "int64": 8}[k.Encoding]
	switch {
	case size == 0 && n.text == nil: // an object or a list
		out.text, out.field = jsonValue(n), nil
		return out
	case size == 0:
		out.text = n.text
		return out
	}
	out.field = nil
	num := b.c.whole(n, k.Pos, "a key of encoding "+k.Encoding)
	if num == nil {
		return keyContent{}
	}
	if k.Encoding == "int32" && (n.limits.low < math.MinInt32 || n.limits.high > math.MaxInt32) {
		b.c.problem(k.Pos, "a key of encoding int32 is from %d to %d, and this one can be from %d to %d", math.MinInt32, math.MaxInt32, n.limits.low, n.limits.high)
	}
	out.text = func(w *worker, f *frame, dst []byte) []byte {
		v := num(w, f)
		for i := size - 1; i >= 0; i-- {
			dst = append(dst, byte(v>>(8*i)))
		}
		return dst
	}
	return out
}
