package declared

import (
	"fmt"
	"strconv"

	"inv/internal/jq"
	"inv/internal/jsonscan"
	"inv/internal/scenario"
)

// emitProgram is a compiled emit. When it fits a step, and whether once suppresses it, is
// decided by who evaluates it.
type emitProgram struct {
	*scenario.Emit
	index  int
	file   string
	cond   *expression
	each   *expression
	key    *expression
	fields *template // nil: the record itself
	set    []assignment
}

// emit compiles an emit; here gives the places of its expressions.
func (c *compiler) emit(sc *scope, here func(what string) place, names []string, index int) *emitProgram {
	e := &c.topology.Emit[index]
	p := &emitProgram{Emit: e, index: index, file: c.file}
	p.cond = c.compile(sc, here("if"), e.If)
	p.each = c.compile(sc, here("each"), e.Each)
	p.key = c.compile(sc, here("key"), e.Key)
	if e.Fields != nil {
		p.fields = c.template(sc, here("fields"), e.Fields.Members, '{')
	}
	p.set = c.assignments(sc, here("set"), names, e.Set)
	return p
}

// template is an object or list whose constant parts are JSON already.
type template struct {
	open, end byte
	parts     []part
}

// part is a constant text of members, or a name and what makes the value.
type part struct {
	text   string // members, or "name": of the one that follows; "" in a list
	value  *expression
	nested *template
}

func (c *compiler) template(sc *scope, at place, members []scenario.Member, open byte) *template {
	t := &template{open: open, end: open + 2} // } and ] in ASCII
	for i := range members {
		m := &members[i]
		name := ""
		if open == '{' {
			name = string(jsonscan.AppendString(nil, []byte(m.Name))) + ":"
		}
		switch {
		case m.JQ != nil:
			x := c.compile(sc, at, m.JQ)
			if x == nil {
				continue
			}
			v, constant := x.Constant()
			if !constant {
				t.parts = append(t.parts, part{text: name, value: x})
				continue
			}
			name = string(v.AppendJSON([]byte(name)))
			if last := len(t.parts) - 1; last >= 0 && t.parts[last].constant() {
				t.parts[last].text += "," + name
				continue
			}
			t.parts = append(t.parts, part{text: name})
		case m.Mapping != nil:
			t.parts = append(t.parts, part{text: name, nested: c.template(sc, at, m.Mapping.Members, '{')})
		default:
			t.parts = append(t.parts, part{text: name, nested: c.template(sc, at, m.List, '[')})
		}
	}
	return t
}

func (p *part) constant() bool { return p.value == nil && p.nested == nil }

// append appends the object or list. A member whose expression has no result is left out.
// After an error, which is an *ExpressionError, dst has a part of it.
func (t *template) append(dst []byte, e *jq.Evaluator) ([]byte, error) {
	dst = append(dst, t.open)
	empty := true
	for i := range t.parts {
		p := &t.parts[i]
		before := len(dst)
		if !empty {
			dst = append(dst, ',')
		}
		dst = append(dst, p.text...)
		switch {
		case p.value != nil:
			v, ok, err := p.value.one(e)
			if err != nil {
				return dst, err
			}
			if !ok {
				dst = dst[:before]
				continue
			}
			dst = v.AppendJSON(dst)
		case p.nested != nil:
			var err error
			if dst, err = p.nested.append(dst, e); err != nil {
				return dst, err
			}
		}
		empty = false
	}
	return append(dst, t.end), nil
}

// step is what the outputs of a step have in common.
type step struct {
	id     []byte   // of an output, up to the emit's index
	key    []byte   // of an output whose emit has none; nil: no key
	time   int64    // epoch ms
	record jq.Value // "." of the step
	found  [][]byte // the results of its scan by the scope's fields; nil: not scanned yet
}

// enter makes the step's record "." for the evaluator.
func (s *step) enter(e *jq.Evaluator) { e.SetRecord(s.record, s.found) }

// maxOutputs bounds the text of a step's outputs.
const maxOutputs = 16 << 20

// pending are the outputs of a step, held back until it has succeeded. The zero value is
// ready for use.
type pending struct {
	text     []byte // the outputs' ids, keys and values
	room     []byte // what Takes has made of keys and values
	outputs  []pendingOutput
	out      Output // scratch
	elements []byte // of an each
	ends     []int  // of its elements
}

// pendingOutput has the ends of its texts: id, key and value follow one another.
type pendingOutput struct {
	emit                int
	start, id, key, end int
	keyless             bool
	time                int64
	taken               bool
	takenKey, takenText []byte // if taken: the key and the value as they are written
}

func (p *pending) reset() { p.text, p.outputs = p.text[:0], p.outputs[:0] }

// flush gives the outputs to effects, in their order, and forgets them.
func (p *pending) flush(effects Effects) error {
	defer p.reset()
	return p.each(effects.Output)
}

// each calls use with each output, until it returns an error.
func (p *pending) each(use func(*Output) error) error {
	for i := range p.outputs {
		p.show(&p.outputs[i])
		if err := use(&p.out); err != nil {
			return err
		}
	}
	return nil
}

// show makes an output p.out.
func (p *pending) show(o *pendingOutput) {
	p.out = Output{Emit: o.emit, ID: p.text[o.start:o.id:o.id], Key: p.text[o.id:o.key:o.key], Value: p.text[o.key:o.end:o.end], Time: o.time}
	if o.keyless {
		p.out.Key = nil
	}
	if o.taken {
		p.out.Key, p.out.Value = o.takenKey, o.takenText
	}
}

// check makes the outputs what their topics have, and refuses those that they don't take.
// After that nothing may be added before the outputs are given.
func (p *pending) check(takes Takes) (err error) {
	if takes == nil {
		return nil
	}
	p.room = p.room[:0]
	for i := range p.outputs {
		o := &p.outputs[i]
		p.show(o)
		if p.room, err = takes(&p.out, p.room); err != nil {
			return err
		}
		// What is appended later may move the room, and leaves these bytes as they are.
		o.taken, o.takenKey, o.takenText = true, p.out.Key, p.out.Value
	}
	return nil
}

// evaluate adds an emit's outputs: one for each result of its each, or one of the record.
// The evaluator's "." is the step's record, before and after. The error is an
// *ExpressionError.
func (p *pending) evaluate(emit *emitProgram, s *step, e *jq.Evaluator) error {
	if emit.each == nil {
		return p.output(emit, s, e, -1, s.record)
	}
	results, err := emit.each.Eval(e)
	if err != nil {
		return emit.each.fails(err)
	}
	p.elements, p.ends = p.elements[:0], p.ends[:0]
	for _, v := range results {
		p.elements = v.AppendJSON(p.elements)
		p.ends = append(p.ends, len(p.elements))
	}
	s.found = nil // the elements' fields take their place
	defer s.enter(e)
	start := 0
	for i, end := range p.ends {
		element := jq.JSON(p.elements[start:end:end])
		e.SetRecord(element, nil)
		if err := p.output(emit, s, e, i, element); err != nil {
			return err
		}
		start = end
	}
	return nil
}

// output adds one output; element is its index, or -1.
func (p *pending) output(emit *emitProgram, s *step, e *jq.Evaluator, element int, record jq.Value) error {
	o := pendingOutput{emit: emit.index, start: len(p.text), time: s.time}
	p.text = strconv.AppendInt(append(p.text, s.id...), int64(emit.index), 10)
	if element >= 0 {
		p.text = strconv.AppendInt(append(p.text, '.'), int64(element), 10)
	}
	o.id = len(p.text)
	var err error
	if emit.key != nil {
		p.text, err = emit.key.appendKey(p.text, e)
	} else {
		p.text, o.keyless = append(p.text, s.key...), s.key == nil
	}
	if err != nil {
		return err
	}
	o.key = len(p.text)
	if emit.fields != nil {
		p.text, err = emit.fields.append(p.text, e)
	} else {
		p.text = record.AppendJSON(p.text)
	}
	if err != nil {
		return err
	}
	if o.end = len(p.text); o.end > maxOutputs {
		return &ExpressionError{emit.file, emit.Pos, fmt.Errorf("the outputs of one step are larger than %d MiB", maxOutputs>>20)}
	}
	p.outputs = append(p.outputs, o)
	return nil
}
