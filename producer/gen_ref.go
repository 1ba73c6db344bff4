package producer

import (
	"slices"
	"strings"

	"inv/internal/scenario"
)

// set is the rows of a producer that others refer to: the rows of the file, then
// the ones that `more:` describes, each computed from its number alone.
type set struct {
	name   string
	random uint64
	rows   []*node // objects
	more   *node   // nil: there are no more rows than rows
	total  int64
	names  []string // of the fields
	busy   bool     // being compiled

	existing bool // the rows are those of the topic
}

// set compiles a producer's rows, once; nil with a problem if it can't be
// referred to.
func (c *compiler) set(name scenario.Name) *set {
	if s := c.sets[name.Text]; s != nil {
		if s.busy {
			c.problem(name.Pos, "ref: the producers refer to each other in a circle through %q", name.Text)
			return nil
		}
		return s
	}
	spec := c.spec(name.Text)
	if spec == nil {
		c.problem(name.Pos, "ref: there is no producer %q%s", name.Text, alternatives(name.Text, producerNames(c.scenario)))
		return nil
	}
	s := &set{name: spec.Name, random: c.randomKey(spec.Name), busy: true}
	c.sets[name.Text] = s
	c.references[spec.Name] = spec.Topic.Text
	owner := &stream{name: spec.Name, spec: spec, random: s.random, total: -1}
	if spec.States != nil {
		owner.machine = c.machine(spec.States)
	}
	c.fillSet(s, owner)
	s.busy = false
	return s
}

func (c *compiler) fillSet(s *set, owner *stream) {
	object := func(g *scenario.Gen) *node {
		b := c.builder(owner, g)
		for _, f := range b.spec.Fields {
			if len(s.rows) == 0 || s.more != nil {
				s.names = append(s.names, f.Name)
			}
		}
		return b.object(g)
	}
	spec := owner.spec
	s.existing = spec.Read
	if spec.Earlier+spec.Tombstones > 0 {
		c.problem(spec.Pos, "producer %q updates or deletes earlier keys, so others can't refer to it", spec.Name)
		return
	}
	for _, row := range spec.Rows {
		s.rows = append(s.rows, object(row))
	}
	s.total = int64(len(s.rows))
	if spec.More != nil {
		c.grows = true
		s.more = object(spec.More)
		if c.options.Products > 0 {
			s.total = c.options.Products
			s.rows = s.rows[:min(s.total, int64(len(s.rows)))]
		}
	}
	if spec.Value != nil {
		s.more, s.total = object(spec.Value), maxRows
	}
}

// row is the node of the set's row, as an object; rows is what stands in the frame.
func (s *set) field(path string) (rows []*node, more *node, missing int) {
	find := func(n *node) *node {
		for _, part := range strings.Split(path, ".") {
			if n = n.fieldNamed(part); n == nil {
				return nil
			}
		}
		return n
	}
	for i, row := range s.rows {
		n := find(row)
		if n == nil {
			return nil, nil, i + 1
		}
		rows = append(rows, n)
	}
	if s.more != nil {
		if more = find(s.more); more == nil {
			return nil, nil, len(s.rows) + 1
		}
	}
	return rows, more, 0
}

// ref returns a field of a row of another producer. The row is drawn from the random
// key of the object around, so that all refs in it agree on the row.
func (b *builder) ref(s *scenario.Ref, path string) *node {
	set := b.c.set(s.Producer)
	if set == nil {
		return broken()
	}
	if set.existing {
		return b.existingRef(s, set)
	}
	rows, more, missing := set.field(s.Field.Text)
	if missing > 0 {
		if missing == 1 && len(set.rows) <= 1 || !slices.Contains(set.names, s.Field.Text) {
			b.c.problem(s.Field.Pos, "ref: %q has no field %q%s", set.name, s.Field.Text, alternatives(s.Field.Text, set.names))
		} else {
			b.c.problem(s.Field.Pos, "ref: row %d of %q has no field %q", missing, set.name, s.Field.Text)
		}
		return broken()
	}
	all := rows
	if more != nil {
		all = append(rows[:len(rows):len(rows)], more)
	}
	for _, n := range all {
		if n.text == nil {
			b.c.problem(s.Field.Pos, "ref: %q is %s; a ref is to a plain value", s.Field.Text, kindNames[n.kind])
			return broken()
		}
		if n.timed {
			b.c.problem(s.Field.Pos, "ref: %q depends on when or why the record is made, which a row does not know", s.Field.Text)
			return broken()
		}
	}
	total := set.total
	if s.First > 0 {
		total = min(total, int64(s.First))
	} else if total == maxRows {
		b.c.problem(s.Producer.Pos, "ref: %q makes records without end; say among how many to choose with `first:`", set.name)
		return broken()
	}
	if total == 0 {
		b.c.problem(s.Producer.Pos, "ref: %q has no rows to refer to", set.name)
		return broken()
	}
	pick := b.picker(s, set, total)
	if pick == nil {
		return broken()
	}
	if total <= int64(len(rows)) {
		more = nil // no row of it is drawn
	}
	n := refNode(set, rows, more, pick)
	if key := b.c.spec(set.name).Key; key != nil && key.Field.Text == s.Field.Text {
		b.stream.refersToKeys = true
		n = b.c.lostRef(n)
	}
	return n
}

// lostRef leads nowhere in a record with the fault unknown_ref: no key of inv's
// making ends like this, and no number is negative.
func (c *compiler) lostRef(n *node) *node {
	if !c.options.UnknownRefs {
		return n
	}
	out := *n
	out.pick, out.drawn, out.nums = nil, nil, nil
	if n.kind == kindNumber && n.num != nil {
		num := n.num
		lost := number(n.dec, func(w *worker, f *frame) int64 { return -1 - abs(num(w, f)) })
		out.text, out.json = eitherText(n.text, lost.text), eitherText(n.json, lost.json)
		return &out
	}
	text := n.text
	lost := leaf(&node{kind: kindString, safe: n.safe, text: func(w *worker, f *frame, dst []byte) []byte {
		return append(text(w, f, dst), "-unknown"...)
	}})
	out.text, out.json = eitherText(n.text, lost.text), eitherText(n.json, lost.json)
	return &out
}

func eitherText(is, lost appendFunc) appendFunc {
	return func(w *worker, f *frame, dst []byte) []byte {
		if f.of.lost {
			return lost(w, f, dst)
		}
		return is(w, f, dst)
	}
}

// existingRef returns a field of a record that a topic has already.
func (b *builder) existingRef(s *scenario.Ref, set *set) *node {
	if b.c.options.Existing == nil {
		return broken() // only checked: what the topic holds is not known
	}
	table := b.c.existingField(set, s.Field)
	if table == nil {
		return broken()
	}
	if len(table.items) == 0 {
		b.c.problem(s.Producer.Pos, "ref: the topic of %q has no records to refer to", set.name)
		return broken()
	}
	if s.Weight != nil {
		b.c.problem(s.Weight.Pos, "weight: rows that are read from a topic have no weights; use skew")
		return broken()
	}
	pick := b.picker(s, set, int64(len(table.items)))
	n := tableNode(table.items, pick)
	if key := b.c.spec(set.name).Key; key != nil && key.Field.Text == s.Field.Text {
		b.stream.refersToKeys = true
		n = b.c.lostRef(n)
	}
	return n
}

// picker draws the row. Refs of one object to one producer share the key, and
// the first one's preference holds for all.
func (b *builder) picker(s *scenario.Ref, set *set, total int64) *picker {
	id := b.path + "->" + set.name
	if known := b.stream.picks[id]; known != nil {
		if s.Skew != nil || s.Weight != nil {
			b.c.problem(s.Producer.Pos, "ref: the row of %q is chosen already by a ref above; give `skew:` or `weight:` there", set.name)
		}
		return known
	}
	pick := &picker{key: hashText(id), size: uint64(total)}
	switch {
	case s.Weight != nil:
		draw := b.weighted(s, set, total)
		pick.draw = func(r uint64) int64 { return int64(draw(r)) }
	case s.Skew != nil:
		pick.draw = b.zipfRank(total, *s.Skew, s.Producer.Pos)
	}
	if b.stream.picks == nil {
		b.stream.picks = map[string]*picker{}
	}
	b.stream.picks[id] = pick
	return pick
}

// maxWeighted bounds the table of weights: one cell a row.
const maxWeighted = 1_000_000

func (b *builder) weighted(s *scenario.Ref, set *set, total int64) func(uint64) int {
	first := func(uint64) int { return 0 }
	rows, more, missing := set.field(s.Weight.Text)
	if missing > 0 {
		b.c.problem(s.Weight.Pos, "weight: row %d of %q has no field %q%s", missing, set.name, s.Weight.Text, alternatives(s.Weight.Text, set.names))
		return first
	}
	if total > maxWeighted {
		b.c.problem(s.Weight.Pos, "weight: there are %d rows; at most %d can have weights, use skew", total, maxWeighted)
		return first
	}
	weights := make([]float64, total)
	w, f := &worker{}, &frame{}
	sum := 0.0
	for i := range weights {
		n := more
		if i < len(rows) {
			n = rows[i]
		}
		if n.num == nil {
			b.c.problem(s.Weight.Pos, "weight: %q is %s, not a number", s.Weight.Text, kindNames[n.kind])
			return first
		}
		f.set(recordKey(set.random, int64(i)), int64(i), 0, nil, &w.nothing)
		weights[i] = float64(n.num(w, f)) / float64(pow10(n.dec))
		if weights[i] < 0 {
			b.c.problem(s.Weight.Pos, "weight: row %d of %q has a negative weight", i+1, set.name)
			return first
		}
		sum += weights[i]
	}
	if sum == 0 {
		b.c.problem(s.Weight.Pos, "weight: no row of %q has a weight above 0", set.name)
		return first
	}
	return alias(weights)
}

// refNode computes the field of the row that pick draws.
func refNode(set *set, rows []*node, more *node, pick *picker) *node {
	if more == nil && allConstant(rows) {
		return tableNode(rows, pick)
	}
	all := rows
	if more != nil {
		all = append(rows[:len(rows):len(rows)], more)
	}
	out := &node{kind: all[0].kind, safe: true, cost: 1}
	hasNum := true
	for _, n := range all {
		if n.kind != out.kind {
			out.kind = kindMixed
		}
		out.safe = out.safe && n.safe
		out.dec = max(out.dec, n.dec)
		out.cost = max(out.cost, n.cost)
		hasNum = hasNum && n.num != nil
	}
	known := int64(len(rows))
	texts, jsons, nums := make([]appendFunc, len(all)), make([]appendFunc, len(all)), make([]numFunc, len(all))
	for i, n := range all {
		texts[i], jsons[i] = n.orEmpty(), jsonValue(n)
		if hasNum {
			nums[i] = n.scaled(out.dec)
		}
	}
	enter := func(w *worker, f *frame) (row *frame, i int64) {
		i = pick.row(f)
		row = w.push()
		row.set(recordKey(set.random, i), i, 0, nil, &w.nothing)
		return row, min(i, known)
	}
	out.text = func(w *worker, f *frame, dst []byte) []byte {
		row, i := enter(w, f)
		dst = texts[i](w, row, dst)
		w.pop()
		return dst
	}
	out.json = func(w *worker, f *frame, dst []byte) []byte {
		row, i := enter(w, f)
		dst = jsons[i](w, row, dst)
		w.pop()
		return dst
	}
	if hasNum {
		out.num = func(w *worker, f *frame) int64 {
			row, i := enter(w, f)
			v := nums[i](w, row)
			w.pop()
			return v
		}
	}
	return leaf(out)
}

func allConstant(rows []*node) bool {
	for _, n := range rows {
		if n.bytes == nil || n.null != nil || n.absent != nil {
			return false
		}
	}
	return true
}

// tableNode returns a ref to constants: their bytes, looked up.
func tableNode(rows []*node, pick *picker) *node {
	out := &node{kind: rows[0].kind, safe: true}
	texts, jsons, nums := make([][]byte, len(rows)), make([][]byte, len(rows)), make([]int64, len(rows))
	hasNum := true
	for _, n := range rows {
		out.dec = max(out.dec, n.dec)
		hasNum = hasNum && n.num != nil
	}
	for i, n := range rows {
		if n.kind != out.kind {
			out.kind = kindMixed
		}
		texts[i], jsons[i] = n.text(nil, nil, nil), n.bytes
		out.safe = out.safe && plain(texts[i])
		if hasNum {
			nums[i] = n.scaled(out.dec)(nil, nil)
		}
	}
	out.text = func(_ *worker, f *frame, dst []byte) []byte { return append(dst, texts[pick.row(f)]...) }
	out.json = func(_ *worker, f *frame, dst []byte) []byte { return append(dst, jsons[pick.row(f)]...) }
	if hasNum {
		out.num = func(_ *worker, f *frame) int64 { return nums[pick.row(f)] }
	}
	if len(rows) <= mostRows {
		out.pick, out.drawn = pick, jsons
		if hasNum {
			out.nums = nums
		}
	}
	return leaf(out)
}

// rowContent compiles a producer of rows: each row is a record.
func (c *compiler) rowContent(s *stream) {
	s.total = int64(len(s.spec.Rows))
	if s.spec.More != nil && c.options.Products > 0 {
		s.total = c.options.Products
	}
	add := func(g *scenario.Gen) {
		b := c.builder(s, g)
		s.rows = append(s.rows, c.recordContent(b, b.object(g)))
	}
	for _, row := range s.spec.Rows {
		add(row)
	}
	if s.spec.More != nil {
		c.grows = true
		add(s.spec.More)
	}
}
