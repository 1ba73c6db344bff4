package producer

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"inv/internal/scenario"
	"inv/internal/suggest"

	"github.com/brianvoe/gofakeit/v7"
)

// poolSeed is the seed of every pool, whatever the plan's: gofakeit's output is part
// of what a major version keeps.
const poolSeed = 0x696E76

// fake draws from a pool of values that gofakeit generated when the plan was
// compiled, at the cost of a constant.
func (b *builder) fake(s *scenario.Fake, key uint64) *node {
	pool, err := b.c.pool(s)
	if err != nil {
		return b.fail(s.Function.Pos, "fake: %v", err)
	}
	return pool.draw(&picker{key: key, size: uint64(s.Pool)})
}

// pool generates a pool. Fields with the same function and parameters share one.
func (c *compiler) pool(s *scenario.Fake) (*constants, error) {
	info, params, id, err := fakeFunction(s)
	if err != nil {
		return nil, err
	}
	if p := c.pools[id]; p != nil {
		return p, nil
	}
	faker := gofakeit.NewFaker(rand.NewPCG(poolSeed, hashText(id)), false)
	values := make([]scenario.Scalar, s.Pool)
	for i := range values {
		v, err := info.Generate(faker, params, info)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Function.Text, err)
		}
		if values[i], err = plainValue(v); err != nil {
			return nil, fmt.Errorf("%s %w", s.Function.Text, err)
		}
	}
	nodes := make([]*node, len(values))
	for i, v := range values {
		v.Kind = values[0].Kind
		nodes[i] = constant(v)
	}
	c.pools[id] = newConstants(nodes)
	return c.pools[id], nil
}

// fakeFunction finds a function of gofakeit and its parameters. id identifies both.
func fakeFunction(s *scenario.Fake) (info *gofakeit.Info, params *gofakeit.MapParams, id string, err error) {
	name := s.Function.Text
	info = gofakeit.GetFuncLookup(name)
	if info == nil {
		names := slices.Sorted(maps.Keys(gofakeit.FuncLookups))
		return nil, nil, "", fmt.Errorf("gofakeit has no function %q%s", name, suggest.DidYouMean(strings.ToLower(name), names))
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

// plainValue returns what a function generated as a scalar.
func plainValue(v any) (scenario.Scalar, error) {
	switch v := v.(type) {
	case string:
		return scenario.Scalar{Kind: scenario.KindString, Text: v}, nil
	case []byte:
		return scenario.Scalar{Kind: scenario.KindString, Text: string(v)}, nil
	case bool:
		return scenario.Scalar{Kind: scenario.KindBool, Text: strconv.FormatBool(v)}, nil
	case float32:
		return scenario.Scalar{Kind: scenario.KindNumber, Text: strconv.FormatFloat(float64(v), 'f', -1, 32)}, nil
	case float64:
		return scenario.Scalar{Kind: scenario.KindNumber, Text: strconv.FormatFloat(v, 'f', -1, 64)}, nil
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return scenario.Scalar{Kind: scenario.KindNumber, Text: fmt.Sprint(v)}, nil
	case fmt.Stringer:
		return scenario.Scalar{Kind: scenario.KindString, Text: v.String()}, nil
	}
	return scenario.Scalar{}, fmt.Errorf("returns a %T, which is not a plain value", v)
}
