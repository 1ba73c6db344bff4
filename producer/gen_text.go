package producer

import (
	"slices"
	"strconv"

	"inv/internal/scenario"
)

func (b *builder) sequence(s *scenario.Sequence) *node {
	from := int64(s.From)
	seed := strconv.FormatUint(b.c.options.Seed, 10)
	n := &node{kind: kindString, safe: true}
	for _, p := range s.Text.Parts {
		switch {
		case !p.Placeholder:
			n.pieces = append(n.pieces, piece{literal: p.Text})
			n.safe = n.safe && plain([]byte(p.Text))
		case p.Text == "seed":
			n.pieces = append(n.pieces, piece{literal: seed})
		case p.Width == 0:
			n.pieces = append(n.pieces, piece{short: &short{kind: theNumber, uniform: uniform{low: from}}})
		default:
			width := p.Width
			n.pieces = append(n.pieces, piece{value: func(_ *worker, f *frame, dst []byte) []byte {
				return appendPadded(dst, f.n+from, width)
			}})
		}
	}
	n.text = concat(n.pieces)
	return leaf(n)
}

func (b *builder) text(s *scenario.Text, pos scenario.Position) *node {
	n := &node{kind: kindString, safe: true}
	for _, p := range s.Text.Parts {
		if !p.Placeholder {
			n.pieces = append(n.pieces, piece{literal: p.Text})
			n.safe = n.safe && plain([]byte(p.Text))
			continue
		}
		of, climb := b.lookup(p.Text, s.Text.Pos, "text")
		if of == nil {
			return broken()
		}
		if of.text == nil {
			b.c.problem(s.Text.Pos, "text: {%s} is %s; a text is built of plain values", p.Text, kindNames[of.kind])
			return broken()
		}
		of = of.climbed(climb)
		n.safe = n.safe && of.safe
		n.cost += of.cost
		n.timed = n.timed || of.timed
		n.pieces = append(n.pieces, b.padded(of, p.Width, s.Text.Pos))
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
	return leaf(&node{kind: kindString, safe: true, text: func(_ *worker, f *frame, dst []byte) []byte {
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

// oneOf chooses by weight (Walker's alias method, so that any number of choices
// costs the same).
func (b *builder) oneOf(s *scenario.OneOf, pos scenario.Position, key uint64, path string) *node {
	weights := make([]float64, len(s.Choices))
	nodes := make([]*node, len(s.Choices))
	out := &node{safe: true}
	for i, c := range s.Choices {
		weights[i] = c.Weight
		n := b.gen(c.Gen, path+"#"+strconv.Itoa(i))
		if n.text == nil {
			b.c.problem(c.Gen.Pos, "one_of chooses among plain values, not %s", kindNames[n.kind])
			return broken()
		}
		nodes[i] = n
		if i == 0 {
			out.kind, out.dec = n.kind, n.dec
		} else if n.kind != out.kind {
			out.kind = kindMixed
		}
		out.dec = max(out.dec, n.dec)
		out.safe = out.safe && n.safe
		out.cost = max(out.cost, n.cost)
		out.timed = out.timed || n.timed
	}
	pick := alias(weights)
	texts, jsons := make([]appendFunc, len(nodes)), make([]appendFunc, len(nodes))
	nums := make([]numFunc, len(nodes))
	for i, n := range nodes {
		texts[i], jsons[i] = n.orEmpty(), jsonValue(n)
		if n.num == nil {
			nums = nil
		} else if nums != nil {
			nums[i] = n.scaled(out.dec)
		}
	}
	out.text = func(w *worker, f *frame, dst []byte) []byte { return texts[pick(mix(f.h+key))](w, f, dst) }
	out.json = func(w *worker, f *frame, dst []byte) []byte { return jsons[pick(mix(f.h+key))](w, f, dst) }
	if nums != nil {
		out.num = func(w *worker, f *frame) int64 { return nums[pick(mix(f.h+key))](w, f) }
	}
	if allConstant(nodes) && len(nodes) <= mostRows {
		out.pick = &picker{key: key, size: uint64(len(nodes)), draw: func(r uint64) int64 { return int64(pick(r)) }}
		for i, n := range nodes {
			out.drawn = append(out.drawn, n.bytes)
			if nums != nil {
				out.nums = append(out.nums, nums[i](nil, nil))
			}
		}
	}
	return leaf(out)
}

// alias builds a function from a random number to an index, each as likely as
// its weight (Vose's construction).
func alias(weights []float64) func(r uint64) int {
	n := len(weights)
	if !slices.ContainsFunc(weights, func(w float64) bool { return w != weights[0] }) {
		return func(r uint64) int { return int(below(r, uint64(n))) }
	}
	total := 0.0
	for _, w := range weights {
		total += w
	}
	type cell struct {
		stay  uint32 // of 2^32: how often the cell itself is meant
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
	return func(r uint64) int {
		// The high bits choose the cell, the rest of them is spread again.
		i := int(below(r, uint64(n)))
		c := cells[i]
		if uint32(mix(r)) < c.stay || c.stay == 1<<32-1 {
			return i
		}
		return int(c.other)
	}
}
