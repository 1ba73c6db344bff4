package declared

import (
	"bytes"
	"slices"
	"strconv"

	"inv/internal/scenario"

	"github.com/itchyny/gojq"
)

// fields evaluates a mapping of expressions for one output.
type fields struct {
	t       *Topology
	dot     any
	env     env
	clocked [][]string // paths of what depends on the clock
}

// object returns the text of an object, in the file's order, without the members that
// have no result.
func (f *fields) object(members []scenario.Member, path []string) ([]byte, error) {
	var parts [][]byte
	for i := range members {
		name, err := gojq.Marshal(members[i].Name)
		if err != nil {
			return nil, err
		}
		value, ok, err := f.member(&members[i], append(slices.Clone(path), members[i].Name))
		if err != nil {
			return nil, err
		}
		if ok {
			parts = append(parts, slices.Concat(name, []byte(":"), value))
		}
	}
	return enclosed('{', parts, '}'), nil
}

// list returns the text of a list, without the elements that have no result.
func (f *fields) list(members []scenario.Member, path []string) ([]byte, error) {
	var parts [][]byte
	for i := range members {
		value, ok, err := f.member(&members[i], append(slices.Clone(path), strconv.Itoa(len(parts))))
		if err != nil {
			return nil, err
		}
		if ok {
			parts = append(parts, value)
		}
	}
	return enclosed('[', parts, ']'), nil
}

func enclosed(left byte, parts [][]byte, right byte) []byte {
	return append(append([]byte{left}, bytes.Join(parts, []byte(","))...), right)
}

// member returns the text of a member, and reports whether it has any.
func (f *fields) member(m *scenario.Member, path []string) (text []byte, ok bool, err error) {
	switch {
	case m.Mapping != nil:
		text, err = f.object(m.Mapping.Members, path)
		return text, true, err
	case m.JQ == nil:
		text, err = f.list(m.List, path)
		return text, true, err
	}
	if f.t.refers(m.JQ.Source, "$clock") {
		f.clocked = append(f.clocked, path)
	}
	v, ok, err := f.t.one(m.JQ, f.dot, f.env)
	if err != nil || !ok {
		return nil, false, err
	}
	text, err = gojq.Marshal(v)
	return text, true, err
}
