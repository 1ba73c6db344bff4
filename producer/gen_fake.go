package producer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"

	"inv/internal/scenario"
	"inv/internal/suggest"

	"github.com/brianvoe/gofakeit/v7"
)

// pool is the values that a function of gofakeit gave, made once for a plan: a
// record takes one of them, which costs as much as a constant.
type pool struct {
	texts, jsons [][]byte
	nums         []int64
	kind         kind
	dec          int
}

// poolSeed makes a pool the same in every run: gofakeit's tables are part of what
// a major version keeps, whatever the seed.
const poolSeed = 0x696E76

func (b *builder) fake(s *scenario.Fake, key uint64) *node {
	p, err := b.c.pool(s)
	if err != nil {
		b.c.problem(s.Function.Pos, "fake: %v", err)
		return broken()
	}
	size := uint64(len(p.texts))
	n := &node{kind: p.kind, dec: p.dec, safe: true}
	for _, t := range p.texts {
		n.safe = n.safe && plain(t)
	}
	n.text = func(_ *worker, f *frame, dst []byte) []byte {
		return append(dst, p.texts[below(mix(f.h+key), size)]...)
	}
	n.json = func(_ *worker, f *frame, dst []byte) []byte {
		return append(dst, p.jsons[below(mix(f.h+key), size)]...)
	}
	if p.kind == kindNumber || p.kind == kindBool {
		n.num = func(_ *worker, f *frame) int64 { return p.nums[below(mix(f.h+key), size)] }
	}
	return leaf(n)
}

// pool calls the function as often as its pool is large; two fields with the
// same function and parameters share one.
func (c *compiler) pool(s *scenario.Fake) (*pool, error) {
	info, params, id, err := fakeFunction(s)
	if err != nil {
		return nil, err
	}
	if p := c.pools[id]; p != nil {
		return p, nil
	}
	faker := gofakeit.NewFaker(rand.NewPCG(poolSeed, hashText(id)), false)
	p := &pool{kind: -1}
	for range s.Pool {
		v, err := info.Generate(faker, params, info)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Function.Text, err)
		}
		text, k, err := plainValue(v)
		if err != nil {
			return nil, fmt.Errorf("%s %w", s.Function.Text, err)
		}
		if p.kind == -1 {
			p.kind = k
		}
		p.add(text)
	}
	c.pools[id] = p
	return p, nil
}

func (p *pool) add(text string) {
	v := constant(scenario.Scalar{Kind: scenario.Kind(p.kind), Text: text})
	p.texts, p.jsons = append(p.texts, []byte(text)), append(p.jsons, v.bytes)
	num := int64(0)
	if v.num != nil {
		num = v.num(nil, nil)
	}
	for ; v.dec > p.dec; p.dec++ {
		for i := range p.nums {
			p.nums[i] *= 10
		}
	}
	p.nums = append(p.nums, num*pow10(p.dec-v.dec))
}

// fakeFunction finds a function of gofakeit and its parameters.
func fakeFunction(s *scenario.Fake) (info *gofakeit.Info, params *gofakeit.MapParams, id string, err error) {
	name := s.Function.Text
	info = gofakeit.GetFuncLookup(name)
	if info == nil {
		names := make([]string, 0, len(gofakeit.FuncLookups))
		for n := range gofakeit.FuncLookups {
			names = append(names, n)
		}
		sort.Strings(names)
		near := suggest.Nearest(strings.ToLower(name), names)
		if near == "" {
			return nil, nil, "", fmt.Errorf("gofakeit has no function %q", name)
		}
		return nil, nil, "", fmt.Errorf("gofakeit has no function %q; did you mean %q?", name, near)
	}
	params = gofakeit.NewMapParams()
	id = name + "/" + strconv.Itoa(s.Pool)
	var known []string
	for _, p := range info.Params {
		known = append(known, p.Field)
	}
	given := map[string]bool{}
	for _, p := range s.Params {
		if !slices.Contains(known, p.Name.Text) {
			return nil, nil, "", fmt.Errorf("%s has no parameter %q%s", name, p.Name.Text, alternatives(p.Name.Text, known))
		}
		for _, v := range p.Value {
			params.Add(p.Name.Text, v)
		}
		given[p.Name.Text] = true
		id += "/" + p.Name.Text + "=" + strings.Join(p.Value, ",")
	}
	for _, p := range info.Params {
		if !given[p.Field] && !p.Optional && p.Default == "" {
			return nil, nil, "", fmt.Errorf("%s needs the parameter %q (%s)", name, p.Field, p.Description)
		}
	}
	return info, params, id, nil
}

// plainValue writes what a function gave as text.
func plainValue(v any) (text string, k kind, err error) {
	switch v := v.(type) {
	case string:
		return v, kindString, nil
	case []byte:
		return string(v), kindString, nil
	case bool:
		return strconv.FormatBool(v), kindBool, nil
	case float32:
		return strconv.FormatFloat(float64(v), 'f', -1, 32), kindNumber, nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), kindNumber, nil
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v), kindNumber, nil
	case fmt.Stringer:
		return v.String(), kindString, nil
	}
	return "", 0, fmt.Errorf("gives a %T, which is no plain value", v)
}
