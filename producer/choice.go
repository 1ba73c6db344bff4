package producer

// common returns a node with what the nodes have in common, and reports whether
// all of them are numbers.
func common(nodes []*node) (out *node, numeric bool) {
	out, numeric = &node{kind: nodes[0].kind, safe: true}, true
	for _, n := range nodes {
		if n.kind != out.kind {
			out.kind = kindMixed
		}
		out.safe = out.safe && n.safe
		out.dec = max(out.dec, n.dec)
		out.cost = max(out.cost, n.cost)
		out.timed = out.timed || n.timed
		numeric = numeric && n.num != nil
	}
	return out, numeric
}

// choose returns the node of a value that is one of several. pick returns the index of a
// record's, and the frame to compute it in, which it may push.
func choose(nodes []*node, pick func(w *worker, f *frame) (of *frame, i int64)) *node {
	out, numeric := common(nodes)
	texts, jsons := make([]appendFunc, len(nodes)), make([]appendFunc, len(nodes))
	for i, n := range nodes {
		if jsons[i] = jsonValue(n); n.text != nil {
			texts[i] = n.orEmpty()
		} else {
			out.kind, out.choices = kindChoice, nodes
		}
	}
	out.pickChoice, out.json = pick, choice(pick, jsons)
	if out.choices == nil {
		out.text = choice(pick, texts)
	}
	if numeric {
		nums := make([]numFunc, len(nodes))
		for i, n := range nodes {
			nums[i] = n.scaled(out.dec)
		}
		out.num = func(w *worker, f *frame) int64 {
			depth := w.depth
			of, i := pick(w, f)
			v := nums[i](w, of)
			w.depth = depth
			return v
		}
	}
	return leaf(out)
}

// choice returns the function that writes what pick draws.
func choice(pick func(w *worker, f *frame) (of *frame, i int64), values []appendFunc) appendFunc {
	return func(w *worker, f *frame, dst []byte) []byte {
		depth := w.depth
		of, i := pick(w, f)
		dst = values[i](w, of, dst)
		w.depth = depth
		return dst
	}
}

// chosenField returns a field that all objects have of which a node is one; nil if there
// is no such field.
func (n *node) chosenField(name string) *node {
	var fields []*node
	for _, c := range n.choices {
		f := c.fieldNamed(name)
		if f == nil || f.absent != nil {
			return nil
		}
		fields = append(fields, f)
	}
	if fields == nil {
		return nil
	}
	return choose(fields, n.pickChoice)
}

// constants are plain values that never change, one of which is drawn.
type constants struct {
	texts, jsons [][]byte
	nums         []int64 // nil: not all are numbers
	common       *node
}

func newConstants(nodes []*node) *constants {
	out, numeric := common(nodes)
	c := &constants{common: out}
	for _, n := range nodes {
		c.texts, c.jsons = append(c.texts, n.text(nil, nil, nil)), append(c.jsons, n.bytes)
		if numeric {
			c.nums = append(c.nums, n.scaled(out.dec)(nil, nil))
		}
	}
	return c
}

// draw returns the node of the constant that pick draws.
func (c *constants) draw(pick *picker) *node {
	out, nums := *c.common, c.nums
	out.text = func(_ *worker, f *frame, dst []byte) []byte { return append(dst, c.texts[pick.row(f.h)]...) }
	out.json = func(_ *worker, f *frame, dst []byte) []byte { return append(dst, c.jsons[pick.row(f.h)]...) }
	if nums != nil {
		out.num = func(_ *worker, f *frame) int64 { return nums[pick.row(f.h)] }
	}
	if len(c.texts) <= mostRows {
		out.pick, out.drawn, out.nums = pick, c.jsons, nums
	}
	return leaf(&out)
}

func allConstant(nodes []*node) bool {
	for _, n := range nodes {
		if n.bytes == nil || n.null != nil || n.absent != nil {
			return false
		}
	}
	return true
}
