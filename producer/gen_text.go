package producer

import (
	"slices"
	"strconv"

	"inv/internal/scenario"
)

func (b *builder) sequence(s *scenario.Sequence, pos scenario.Position) *node {
	from := int64(s.First)
	if s.Text == nil && b.c.lineage.nested[b.stream.spec] {
		return b.fail(pos, "sequence: the records of a producer that causes itself, or is caused by one that does, have no numbers in a row; write a text such as \"{n}\"")
	}
	if s.Text == nil {
		n := number(0, limits{from, from + maxRecords}, func(_ *worker, f *frame) int64 { return f.n + from })
		n.inline = &inline{kind: stepNumber, uniform: uniform{low: from}}
		return n
	}
	n := &node{kind: kindString, safe: true}
	for _, p := range s.Text.Parts {
		switch {
		case !p.Placeholder:
			n.literal(p.Text)
		case p.Text == "seed":
			n.literal(strconv.FormatUint(b.c.options.Seed, 10))
		case b.c.lineage.nested[b.stream.spec]:
			n.pieces = append(n.pieces, piece{value: func(_ *worker, f *frame, dst []byte) []byte {
				return b.stream.appendNumber(dst, f.n, from, p.Width)
			}})
		case p.Width == 0:
			n.pieces = append(n.pieces, piece{inline: &inline{kind: stepNumber, uniform: uniform{low: from}}})
		default:
			n.pieces = append(n.pieces, piece{value: func(_ *worker, f *frame, dst []byte) []byte {
				return appendPadded(dst, f.n+from, p.Width)
			}})
		}
	}
	n.text = concat(n.pieces)
	return leaf(n)
}

func (b *builder) text(s *scenario.Text) *node {
	n, fields := &node{kind: kindString, safe: true}, 0
	for _, p := range s.Text.Parts {
		if !p.Placeholder {
			n.literal(p.Text)
			continue
		}
		of, climb := b.lookup(p.Text, s.Text.Pos, "text")
		if of == nil {
			return broken()
		}
		if of.text == nil {
			return b.fail(s.Text.Pos, "text: {%s} is %s, not a plain value", p.Text, kindNames[of.kind])
		}
		of = of.climbed(climb)
		n.safe = n.safe && of.safe
		n.cost += of.cost
		n.timed = n.timed || of.timed
		n.pieces = append(n.pieces, b.padded(of, p.Width, s.Text.Pos))
		if fields++; fields == 1 {
			n.null = of.missing()
		} else {
			n.null = both(n.null, of.missing())
		}
	}
	n.text = concat(n.pieces)
	switch s.Case {
	case "lower":
		n.pieces, n.text = nil, inCase(n.text, 'A', 'Z', 'a'-'A')
	case "upper":
		n.pieces, n.text = nil, inCase(n.text, 'a', 'z', 'A'-'a'+256)
	}
	return leaf(n)
}

// as writes a value into a text.
func (b *builder) as(g *scenario.Gen, n *node) *node {
	if n.text == nil {
		b.c.problem(g.As.Pos, "`as` writes a plain value, not %s", kindNames[n.kind])
		return n
	}
	out := &node{kind: kindString, safe: n.safe, cost: n.cost, timed: n.timed}
	found := false
	for _, p := range g.As.Parts {
		switch {
		case !p.Placeholder:
			out.literal(p.Text)
		case p.Text != "":
			b.c.problem(g.As.Pos, "the placeholder of `as` is {}, not {%s}", p.Text)
		default:
			found = true
			out.pieces = append(out.pieces, b.padded(n, p.Width, g.As.Pos))
		}
	}
	if !found {
		b.c.problem(g.As.Pos, "`as` needs {}, the placeholder of the value")
	}
	out.text = concat(out.pieces)
	out = leaf(out)
	out.absent, out.null = n.absent, n.null
	return out
}

// literal adds constant text to a node's pieces.
func (n *node) literal(text string) {
	n.pieces = append(n.pieces, piece{literal: text})
	n.safe = n.safe && plain([]byte(text))
}

// padded returns a node's text with at least width digits.
func (b *builder) padded(n *node, width int, pos scenario.Position) piece {
	if width == 0 {
		p := piece{value: n.orEmpty()}
		if n.null == nil && n.absent == nil {
			p.inline = n.inline
		}
		return p
	}
	num := b.c.whole(n, pos, "a value with a width such as :06")
	if num == nil {
		return piece{value: n.text}
	}
	return piece{value: unless(n.missing(), func(w *worker, f *frame, dst []byte) []byte { return appendPadded(dst, num(w, f), width) })}
}

// concat returns the concatenation of the pieces.
func concat(pieces []piece) appendFunc {
	s := &steps{}
	for _, p := range pieces {
		s.piece(p)
	}
	return s.function()
}

func inCase(text appendFunc, low, high byte, shift int) appendFunc {
	return func(w *worker, f *frame, dst []byte) []byte {
		start := len(dst)
		dst = text(w, f, dst)
		for i := start; i < len(dst); i++ {
			if c := dst[i]; c >= low && c <= high {
				dst[i] = c + byte(shift)
			}
		}
		return dst
	}
}

func uuid(key uint64) *node {
	return leaf(&node{kind: kindString, safe: true, uuid: true, text: func(_ *worker, f *frame, dst []byte) []byte {
		high := mix(f.h + key)
		low := mix(high + golden)
		high = high&^0xF000 | 0x4000
		low = low&^(3<<62) | 2<<62
		dst = appendHex(dst, high>>32, 8)
		dst = appendHex(append(dst, '-'), high>>16, 4)
		dst = appendHex(append(dst, '-'), high, 4)
		dst = appendHex(append(dst, '-'), low>>48, 4)
		return appendHex(append(dst, '-'), low, 12)
	}})
}

// appendHex writes the low digits of v.
func appendHex(dst []byte, v uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, hexDigits[v>>(4*i)&15])
	}
	return dst
}

func hex(key uint64, digits int) *node {
	return leaf(&node{kind: kindString, safe: true, text: func(_ *worker, f *frame, dst []byte) []byte {
		r := mix(f.h + key)
		for left := digits; left > 0; left -= 16 {
			dst = appendHex(dst, r, min(left, 16))
			r = mix(r + golden)
		}
		return dst
	}})
}

// oneOf chooses by weight.
func (b *builder) oneOf(s *scenario.OneOf, key uint64, path string) *node {
	weights, nodes := make([]float64, len(s.Choices)), make([]*node, len(s.Choices))
	for i, c := range s.Choices {
		weights[i] = c.Weight
		nodes[i] = b.gen(c.Gen, path+"#"+strconv.Itoa(i))
	}
	pick := &picker{key: key, size: uint64(len(nodes)), draw: alias(weights)}
	if allConstant(nodes) {
		return drawn(newConstants(nodes).draw(pick), nodes, weights)
	}
	return drawn(choose(nodes, func(_ *worker, f *frame) (*frame, int64) { return f, pick.row(f.h) }), nodes, weights)
}

// drawn returns a choice without what has no weight in its limits.
func drawn(n *node, nodes []*node, weights []float64) *node {
	n.symbols = symbolsOf(nodes)
	if !n.unfit {
		n.limits, _ = limitsOf(nodes, n.dec, func(i int) bool { return weights[i] > 0 })
	}
	return n
}

// alias returns a function from a random number to an index, each as likely as its
// weight (Walker's alias method, in Vose's construction: the number of weights costs
// nothing); nil if all weigh the same.
func alias(weights []float64) func(r uint64) int64 {
	n := len(weights)
	if !slices.ContainsFunc(weights, func(w float64) bool { return w != weights[0] }) {
		return nil
	}
	total := 0.0
	for _, w := range weights {
		total += w
	}
	type cell struct {
		stay  uint32 // the share of the cell itself, of 2^32
		other uint32
	}
	cells := make([]cell, n)
	scaled := make([]float64, n)
	var small, large []int
	for i, w := range weights {
		scaled[i] = w / total * float64(n)
		cells[i] = cell{1<<32 - 1, uint32(i)}
		if scaled[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		cells[s] = cell{uint32(scaled[s] * (1 << 32)), uint32(l)}
		scaled[l] -= 1 - scaled[s]
		if scaled[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	return func(r uint64) int64 {
		// The high bits choose the cell; mixed again, they choose within it.
		i := below(r, uint64(n))
		c := cells[i]
		if uint32(mix(r)) < c.stay || c.stay == 1<<32-1 {
			return int64(i)
		}
		return int64(c.other)
	}
}
