package producer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"inv/internal/scenario"

	"github.com/brianvoe/gofakeit/v7"
)

// poolSeed is the seed of every pool, whatever the plan's: gofakeit's output is part
// of what a major version keeps.
const poolSeed = 0x696E76

// Bounds of the pools of a check, in values and bytes, and of a whole pool in bytes.
const (
	checkedValues = 4096
	checkedBytes  = 64 << 10
	maxPoolBytes  = 256 << 20
)

// fake draws from a pool of values that gofakeit generated when the plan was
// compiled, at the cost of a constant.
func (b *builder) fake(s *scenario.Fake, key uint64) *node {
	pool, err := b.c.pool(s)
	if err != nil {
		return b.fail(s.Function.Pos, "fake: %v", err)
	}
	n := pool.draw(&picker{key: key, size: uint64(len(pool.texts))})
	n.open = true
	return n
}

// pool generates a pool, or for a check its first values. Fields with the same function
// and parameters share one.
func (c *compiler) pool(s *scenario.Fake) (*constants, error) {
	info, params, id, err := fakeFunction(s)
	if err != nil {
		return nil, err
	}
	if p := c.pools[id]; p != nil {
		return p, nil
	}
	faker := gofakeit.NewFaker(rand.NewPCG(poolSeed, hashText(id)), false)
	var values []scenario.Scalar
	size := 0
	for len(values) < s.Pool && (!c.checking || len(values) < checkedValues && size < checkedBytes) {
		v, err := generated(faker, info, params)
		if err != nil {
			return nil, fmt.Errorf("%s %w", s.Function.Text, err)
		}
		values, size = append(values, v), size+len(v.Text)
	}
	if size/len(values) > maxPoolBytes/s.Pool {
		return nil, fmt.Errorf("%s: %d values of about %d bytes take more than %d MiB; give it a smaller `pool:`", s.Function.Text, s.Pool, size/len(values), maxPoolBytes>>20)
	}
	nodes := make([]*node, len(values))
	for i, v := range values {
		v.Kind = values[0].Kind
		nodes[i] = constant(v)
	}
	c.pools[id] = newConstants(nodes)
	return c.pools[id], nil
}

// generated returns a value that a function generates. Some panic on parameters that
// they can't use.
func generated(faker *gofakeit.Faker, info *gofakeit.Info, params *gofakeit.MapParams) (s scenario.Scalar, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("can't use its parameters: %v", r)
		}
	}()
	v, err := info.Generate(faker, params, info)
	if err != nil {
		return s, fmt.Errorf("can't use its parameters: %w", err)
	}
	return plainValue(v)
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
		return finite(float64(v), 32)
	case float64:
		return finite(v, 64)
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return scenario.Scalar{Kind: scenario.KindNumber, Text: fmt.Sprint(v)}, nil
	case fmt.Stringer:
		return scenario.Scalar{Kind: scenario.KindString, Text: v.String()}, nil
	}
	return scenario.Scalar{}, fmt.Errorf("returns a %T, which is not a plain value", v)
}

func finite(v float64, bits int) (scenario.Scalar, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return scenario.Scalar{}, fmt.Errorf("returns %g, which is not a number in JSON", v)
	}
	return scenario.Scalar{Kind: scenario.KindNumber, Text: strconv.FormatFloat(v, 'f', -1, bits)}, nil
}
