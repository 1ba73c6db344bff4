package producer

import (
	"fmt"
	"math"
	"slices"

	"inv/internal/registry/shape"
	"inv/internal/scenario"
)

// Values that records keep for later ones of the same producer (`keep:` and `last:`)
// are the only ones that are no function of the record's number. The schedule computes
// them, one record after the other, and passes them to the workers in the slots. A
// shard computes those of all records.

// memory is what a producer's records keep.
type memory struct {
	names []string
	keeps []keepSite
	lasts []lastSite // each may depend on those before it
}

// keepSite is a field whose value is kept.
type keepSite struct {
	name int
	by   appendFunc // the value that it is kept for; nil: the entity, or all records
	node *node
	json appendFunc
	site *lastSite // in which form the values are used, set by check; nil: they aren't
	pos  scenario.Position
}

// lastSite is a generator of a kept value.
type lastSite struct {
	name int
	by   appendFunc
	kind kind // of the value: kindNumber, kindBool, kindString, or kindMixed for any JSON
	dec  int
	pos  scenario.Position
}

// kept is a value that a record has kept. It doesn't change.
type kept struct {
	known bool
	null  bool
	num   int64  // of a number, in units of the last of its name
	text  []byte // as plain text; nil for a number, an object or a list
	json  []byte // nil for what is used as a number or a text
}

// remembered is what a record gets to know of those before it.
type remembered struct {
	last    []kept // by its lasts
	keyOf   int64  // the record whose key it has, if only live ones are chosen
	revisit revisit
	cause   *remembered // what the record that caused it got to know
}

// memoryOf returns the memory of the builder's stream; nil with a problem if fields
// there can't keep values.
func (b *builder) memoryOf(pos scenario.Position, what string) *memory {
	problem := ""
	switch {
	case b.stream.isRow:
		problem = "%s: producer %q keeps values for later records, so others can't refer to it"
	case b.stream.spec.Value == nil:
		problem = "%s: producer %q must have a `value:`"
	}
	for at := b; at.up != nil; at = at.up {
		if at.levels > 0 {
			problem = "%s: an element of a list can't keep values of producer %q"
		}
	}
	if problem != "" {
		b.c.problem(pos, problem, what, b.stream.name)
		return nil
	}
	if b.stream.memory == nil {
		b.stream.memory = &memory{}
	}
	return b.stream.memory
}

// index returns the index of a name, which it adds if it is new.
func (m *memory) index(name string) int {
	i := slices.Index(m.names, name)
	if i < 0 {
		i = len(m.names)
		m.names = append(m.names, name)
	}
	return i
}

// keptBy returns the text of the field whose values have memories of their own; nil
// without a field.
func (b *builder) keptBy(name scenario.Name, what string) appendFunc {
	if name.Text == "" {
		return nil
	}
	fresh := b.fresh
	b.fresh = false // it is computed in the record, where no state is entered
	n, _ := b.lookup(name.Text, name.Pos, what)
	if b.fresh = fresh; n == nil {
		return nil
	}
	if n.text == nil {
		b.c.problem(name.Pos, "%s: %q is %s, not a plain value", what, name.Text, kindNames[n.kind])
		return nil
	}
	return n.orEmpty()
}

// keep keeps a field's value for later records.
func (b *builder) keep(k *scenario.Keep, n *node) {
	m := b.memoryOf(k.Name.Pos, "keep")
	if m == nil {
		return
	}
	by := b.keptBy(k.By, "keep")
	m.keeps = append(m.keeps, keepSite{name: m.index(k.Name.Text), by: by, node: n, json: jsonValue(n), pos: k.Name.Pos})
}

// last returns the value that the last record has kept under a name.
func (b *builder) last(s *scenario.Last, pos scenario.Position, path string) *node {
	m := b.memoryOf(pos, "last")
	if m == nil {
		return broken()
	}
	start := constant(scenario.Scalar{Kind: scenario.KindNull})
	if s.Start != nil {
		start = b.gen(s.Start, path+"#start")
	}
	if start.text == nil {
		return b.fail(s.Start.Pos, "start must be a plain value, not %s", kindNames[start.kind])
	}
	site := lastSite{name: m.index(s.Name.Text), by: b.keptBy(s.By, "last"), kind: start.kind, dec: start.dec, pos: s.Name.Pos}
	if start.kind != kindNumber && start.kind != kindBool && start.kind != kindString {
		site.kind = kindMixed
	}
	at := len(m.lasts)
	m.lasts = append(m.lasts, site)
	of := func(f *frame) *kept { return &f.of.last[at] }

	begin, beginJSON := start.orEmpty(), jsonValue(start)
	n := &node{kind: site.kind, dec: site.dec, timed: true, cost: start.cost + 1, limits: limits{0, 1}}
	if site.kind == kindNumber {
		n.limits = start.limits.union(limits{-mostNumber, mostNumber})
	}
	n.text = func(w *worker, f *frame, dst []byte) []byte {
		if k := of(f); k.known {
			return k.append(dst, &site)
		}
		return begin(w, f, dst)
	}
	if site.kind == kindMixed {
		n.forms = func(x *shaping) []shape.Type { return m.forms(x, site.name, start) }
		n.json = func(w *worker, f *frame, dst []byte) []byte {
			if k := of(f); k.known {
				return append(dst, k.json...)
			}
			return beginJSON(w, f, dst)
		}
	}
	if start.num != nil && site.kind != kindMixed {
		n.num = func(w *worker, f *frame) int64 {
			if k := of(f); k.known {
				return k.num
			}
			return start.num(w, f)
		}
	}
	n.null = func(w *worker, f *frame) bool {
		if k := of(f); k.known {
			return k.null
		}
		return start.kind == kindNull || start.null != nil && start.null(w, f) || start.absent != nil && start.absent(w, f)
	}
	return leaf(n)
}

// append appends the value as plain text; an object or a list is JSON.
func (k *kept) append(dst []byte, s *lastSite) []byte {
	switch {
	case k.null:
		return dst
	case s.kind == kindNumber:
		return appendDecimal(dst, k.num, s.dec)
	case s.kind == kindBool:
		if k.num == 1 {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case k.text == nil:
		return append(dst, k.json...)
	}
	return append(dst, k.text...)
}

// check finds the form in which each name's values are used, and reports what is never kept, or kept in another form than it is used in.
func (m *memory) check(c *compiler) {
	kinds := make([]*lastSite, len(m.names))
	for i := range m.lasts {
		s := &m.lasts[i]
		if !slices.ContainsFunc(m.keeps, func(k keepSite) bool { return k.name == s.name }) {
			known := []string{}
			for _, k := range m.keeps {
				known = append(known, m.names[k.name])
			}
			c.problem(s.pos, "last: no field keeps %q (`keep: %s`)%s", m.names[s.name], m.names[s.name], alternatives(m.names[s.name], known))
		}
		if first := kinds[s.name]; first != nil && (first.kind != s.kind || first.dec != s.dec) {
			c.problem(s.pos, "last: the `start:` of %q must be of the same kind everywhere", m.names[s.name])
		}
		kinds[s.name] = s
	}
	for i := range m.keeps {
		k := &m.keeps[i]
		s := kinds[k.name]
		k.site = s
		switch {
		case s == nil || s.kind == kindMixed:
		case k.node.kind != s.kind:
			c.problem(k.pos, "keep: %q is %s here, and %s in the `start:` of its last", m.names[k.name], kindNames[k.node.kind], kindNames[s.kind])
		case s.kind == kindNumber && k.node.num == nil:
			c.problem(k.pos, "keep: %q has numbers of several forms", m.names[k.name])
		case k.node.dec > s.dec:
			c.problem(k.pos, "keep: %q has %d decimals here, and %d in the `start:` of its last", m.names[k.name], k.node.dec, s.dec)
		}
	}
}

// crosses reports whether values are kept for others than the record's own entity.
func (m *memory) crosses() bool {
	return slices.ContainsFunc(m.keeps, func(k keepSite) bool { return k.by != nil })
}

// store is the values that are kept while a stream's records are scheduled.
type store struct {
	stream *stream
	values []map[string]kept // by name, then by what they are kept for
	next   int64             // the first record that has not been seen, without states
	free   []kept            // for the slots
	heads  []remembered
	alive  []int64 // the records with a key that was not deleted
	key    []byte
	fresh  []kept
	text   []byte
}

func newStore(s *stream) *store {
	st := &store{stream: s}
	for range s.memory.names {
		st.values = append(st.values, map[string]kept{})
	}
	return st
}

// mostKept bounds the values that a producer keeps: about a gigabyte of numbers.
const mostKept = 5_000_000

// mostNumber bounds a kept number, in units of its last decimal, so that it is known what
// is computed from it.
const mostNumber = 100_000_000_000_000_000

// by returns what a value is kept for: a field's text, the entity, or nothing.
func (st *store) by(w *worker, f *frame, at *slot, field appendFunc) []byte {
	switch {
	case field != nil:
		st.key = field(w, f, st.key[:0])
	case st.stream.machine != nil:
		st.key = appendInt(st.key[:0], at.n)
	default:
		st.key = st.key[:0]
	}
	return st.key
}

// remember gives a record the values that those before it have kept, and keeps its own.
func (st *store) remember(w *worker, at *slot) error {
	m := st.stream.memory
	depth := w.depth
	defer func() { w.depth = depth }()
	f := w.push()
	own := st.take(len(m.lasts))
	if at.last != nil {
		own.cause = at.last.cause
	}
	at.last = own
	last := at.last.last
	if st.stream.live {
		st.choose(at)
	}
	st.stream.frame(f, *at)
	if st.stream.from != nil {
		st.stream.from.enter(w, f, *at)
	}
	for i := range m.lasts {
		last[i] = st.values[m.lasts[i].name][string(st.by(w, f, at, m.lasts[i].by))]
	}
	// All are computed before any is kept: they are functions of what was before.
	st.fresh = st.fresh[:0]
	for i := range m.keeps {
		v := st.value(w, f, &m.keeps[i])
		if max(v.num, -v.num) > mostNumber {
			return fmt.Errorf("producer %q keeps a number as %q that is beyond ±10^17 in its last decimal", st.stream.name, m.names[m.keeps[i].name])
		}
		st.fresh = append(st.fresh, v)
	}
	for i := range m.keeps {
		if !st.fresh[i].known {
			continue
		}
		of := st.values[m.keeps[i].name]
		key := st.by(w, f, at, m.keeps[i].by)
		if _, again := of[string(key)]; !again && len(of) >= mostKept {
			return fmt.Errorf("producer %q keeps %q of more than %d different values", st.stream.name, m.names[m.keeps[i].name], mostKept)
		}
		of[string(key)] = st.fresh[i]
	}
	return nil
}

// choose chooses the record whose key a record has among those that are alive.
func (st *store) choose(at *slot) {
	r := at.last
	r.keyOf, r.revisit = at.n, st.stream.revisitOf(at.n)
	if len(st.alive) == 0 {
		r.revisit = newKey
	}
	if r.revisit == newKey {
		st.alive = append(st.alive, at.n)
		return
	}
	i := below(mix(recordKey(st.stream.random, at.n)+saltEarlier), uint64(len(st.alive)))
	r.keyOf = st.alive[i]
	if r.revisit == deletesKey {
		last := len(st.alive) - 1
		st.alive[i] = st.alive[last]
		st.alive = st.alive[:last]
	}
}

// take returns room for a slot's values.
func (st *store) take(n int) *remembered {
	const chunk = 256
	if len(st.free) < n {
		st.free = make([]kept, max(n, chunk))
	}
	if len(st.heads) == 0 {
		st.heads = make([]remembered, chunk)
	}
	head := &st.heads[0]
	head.last = st.free[:n:n]
	st.free, st.heads = st.free[n:], st.heads[1:]
	return head
}

// value computes a field's value; one that is absent is not kept.
func (st *store) value(w *worker, f *frame, k *keepSite) kept {
	n, site := k.node, k.site
	switch {
	case site == nil || n.absent != nil && n.absent(w, f):
		return kept{}
	case n.null != nil && n.null(w, f):
		return kept{known: true, null: true, json: []byte("null")}
	case site.kind == kindNumber, site.kind == kindBool:
		v, unit := n.num(w, f), pow10(site.dec-n.dec)
		if max(v, -v) > mostNumber/unit {
			return kept{known: true, num: math.MaxInt64}
		}
		return kept{known: true, num: v * unit}
	}
	v := kept{known: true}
	if n.text != nil {
		st.text = n.text(w, f, st.text[:0])
		v.text = slices.Clone(st.text)
	}
	if site.kind == kindMixed {
		st.text = k.json(w, f, st.text[:0])
		v.json = slices.Clone(st.text)
	}
	return v
}

// forget removes what an entity has kept, after its last record.
func (st *store) forget(at *slot) {
	for i := range st.stream.memory.keeps {
		if k := &st.stream.memory.keeps[i]; k.by == nil {
			st.key = appendInt(st.key[:0], at.n)
			delete(st.values[k.name], string(st.key))
		}
	}
}
