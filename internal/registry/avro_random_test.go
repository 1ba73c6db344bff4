package registry

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/avro"
)

// randomType is a type and its values, as the library takes them and as JSON of the
// style Data.
type randomType struct {
	schema string
	value  func(r *rand.Rand) (v any, json string)
	class  class  // of the JSON
	kind   string // of which a union has one
}

// randomTypes makes random types; names are unique in it.
type randomTypes struct {
	*rand.Rand
	names int
}

func (r *randomTypes) name(prefix string) string {
	r.names++
	return prefix + strconv.Itoa(r.names)
}

func (r *randomTypes) typ(depth int) randomType {
	if depth <= 0 {
		return r.scalar()
	}
	switch r.IntN(7) {
	case 0:
		return r.array(depth)
	case 1:
		return r.mapping(depth)
	case 2, 3:
		return r.record(depth)
	case 4:
		return r.union(depth)
	}
	return r.scalar()
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (r *randomTypes) scalar() randomType {
	longs := func(r *rand.Rand) int64 { return int64(r.Uint64()) >> r.IntN(64) }
	stamp := func(name string, unit time.Duration) randomType {
		return randomType{`{"type":"long","logicalType":"` + name + `"}`, func(r *rand.Rand) (any, string) {
			v := longs(r)
			return v, strconv.FormatInt(v, 10)
		}, numberClass, "long"}
	}
	texts := []string{"", "a", "order-1", "é\n\"\\", "日本\U0001f600", strings.Repeat("long ", 30)}
	latin := func(r *rand.Rand, n int) ([]byte, string) {
		b := make([]byte, n)
		text := ""
		for i := range b {
			b[i] = byte(r.UintN(256))
			text += string(rune(b[i]))
		}
		return b, string(appendBytes(nil, b))
	}
	all := []func() randomType{
		func() randomType {
			return randomType{`"null"`, func(*rand.Rand) (any, string) { return nil, "null" }, nullClass, "null"}
		},
		func() randomType {
			return randomType{`"boolean"`, func(r *rand.Rand) (any, string) { v := r.IntN(2) == 0; return v, strconv.FormatBool(v) }, booleanClass, "boolean"}
		},
		func() randomType {
			return randomType{`"int"`, func(r *rand.Rand) (any, string) {
				v := int32(longs(r))
				return v, strconv.Itoa(int(v))
			}, numberClass, "int"}
		},
		func() randomType { return stamp("", 0) },
		func() randomType { return stamp("timestamp-millis", time.Millisecond) },
		func() randomType { return stamp("timestamp-micros", time.Microsecond) },
		func() randomType { return stamp("timestamp-nanos", time.Nanosecond) },
		func() randomType { return stamp("local-timestamp-millis", time.Millisecond) },
		func() randomType { return stamp("local-timestamp-nanos", time.Nanosecond) },
		func() randomType {
			return randomType{`"float"`, func(r *rand.Rand) (any, string) {
				v := float32(r.NormFloat64() * math.Pow(10, float64(r.IntN(60)-30)))
				return v, string(appendFloat(nil, float64(v), 32))
			}, numberClass, "float"}
		},
		func() randomType {
			return randomType{`"double"`, func(r *rand.Rand) (any, string) {
				v := r.NormFloat64() * math.Pow(10, float64(r.IntN(600)-300))
				if r.IntN(10) == 0 {
					v = []float64{math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1)}[r.IntN(4)]
				}
				return v, string(appendFloat(nil, v, 64))
			}, numberClass, "double"}
		},
		func() randomType {
			return randomType{`"string"`, func(r *rand.Rand) (any, string) {
				s := texts[r.IntN(len(texts))]
				return s, quote(s)
			}, textClass, "string"}
		},
		func() randomType {
			return randomType{`"bytes"`, func(r *rand.Rand) (any, string) {
				b, text := latin(r, r.IntN(200))
				return b, text
			}, textClass, "bytes"}
		},
		func() randomType {
			size := r.IntN(40)
			return randomType{fmt.Sprintf(`{"type":"fixed","name":"%s","size":%d}`, r.name("F"), size), func(r *rand.Rand) (any, string) {
				b, text := latin(r, size)
				return b, text
			}, textClass, ""}
		},
		func() randomType {
			return randomType{`{"type":"enum","name":"` + r.name("E") + `","symbols":["A","B","C_3"]}`, func(r *rand.Rand) (any, string) {
				s := []string{"A", "B", "C_3"}[r.IntN(3)]
				return s, quote(s)
			}, textClass, ""}
		},
		func() randomType {
			return randomType{`{"type":"int","logicalType":"date"}`, func(r *rand.Rand) (any, string) {
				at := time.Unix(int64(r.IntN(2e9)-1e9), 0).UTC().Truncate(24 * time.Hour)
				return at, quote(at.Format(time.DateOnly))
			}, textClass, "int"}
		},
		func() randomType {
			return randomType{`{"type":"int","logicalType":"time-millis"}`, func(r *rand.Rand) (any, string) {
				ms := r.IntN(24 * 3600_000)
				return time.Duration(ms) * time.Millisecond, quote(time.UnixMilli(int64(ms)).UTC().Format("15:04:05.000"))
			}, textClass, "int"}
		},
		func() randomType {
			return randomType{`{"type":"long","logicalType":"time-micros"}`, func(r *rand.Rand) (any, string) {
				us := r.Int64N(24 * 3600_000_000)
				return time.Duration(us) * time.Microsecond, quote(time.UnixMicro(us).UTC().Format("15:04:05.000000"))
			}, textClass, "long"}
		},
		func() randomType {
			return randomType{`{"type":"fixed","name":"` + r.name("D") + `","size":12,"logicalType":"duration"}`, func(r *rand.Rand) (any, string) {
				d := avro.Duration{Months: r.Uint32(), Days: r.Uint32() >> r.IntN(33), Milliseconds: r.Uint32() >> r.IntN(33)}
				b := binary.LittleEndian.AppendUint32(nil, d.Months)
				b = binary.LittleEndian.AppendUint32(b, d.Days)
				b = binary.LittleEndian.AppendUint32(b, d.Milliseconds)
				return d, string(appendDuration(nil, b))
			}, textClass, ""}
		},
		func() randomType {
			fixed := r.IntN(2) == 0
			schema := `{"type":"string","logicalType":"uuid"}`
			if fixed {
				schema = `{"type":"fixed","name":"` + r.name("U") + `","size":16,"logicalType":"uuid"}`
			}
			return randomType{schema, func(r *rand.Rand) (any, string) {
				var b [16]byte
				binary.BigEndian.PutUint64(b[:], r.Uint64())
				binary.BigEndian.PutUint64(b[8:], r.Uint64())
				text := string(appendUUID(nil, b[:]))
				return text[1 : len(text)-1], text
			}, textClass, map[bool]string{false: "string"}[fixed]}
		},
		r.decimal,
	}
	return all[r.IntN(len(all))]()
}

func (r *randomTypes) decimal() randomType {
	precision := 1 + r.IntN(50)
	scale := r.IntN(precision + 1)
	schema := fmt.Sprintf(`{"type":"bytes","logicalType":"decimal","precision":%d,"scale":%d}`, precision, scale)
	kind := "bytes"
	if r.IntN(3) == 0 {
		schema = fmt.Sprintf(`{"type":"fixed","name":"%s","size":%d,"logicalType":"decimal","precision":%d,"scale":%d}`, r.name("M"), precision/2+1, precision, scale)
		kind = ""
	}
	return randomType{schema, func(r *rand.Rand) (any, string) {
		digits := []byte{}
		for range 1 + r.IntN(precision) {
			digits = append(digits, byte('0'+r.IntN(10)))
		}
		v, _ := new(big.Int).SetString(string(digits), 10)
		if r.IntN(2) == 0 {
			v.Neg(v)
		}
		rat := new(big.Rat).SetFrac(v, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
		return rat, rat.FloatString(scale)
	}, numberClass, kind}
}

func (r *randomTypes) array(depth int) randomType {
	item := r.typ(depth - 1)
	return randomType{`{"type":"array","items":` + item.schema + `}`, func(r *rand.Rand) (any, string) {
		list, text := []any{}, []string{}
		for range []int{0, 1, 3, 70}[r.IntN(4)] >> (2 - min(depth, 2)) {
			v, j := item.value(r)
			list, text = append(list, v), append(text, j)
		}
		return list, "[" + strings.Join(text, ",") + "]"
	}, listClass, "array"}
}

func (r *randomTypes) mapping(depth int) randomType {
	value := r.typ(depth - 1)
	return randomType{`{"type":"map","values":` + value.schema + `}`, func(r *rand.Rand) (any, string) {
		if r.IntN(4) == 0 {
			return map[string]any{}, "{}"
		}
		v, j := value.value(r) // the library's order of several is random
		return map[string]any{"é k": v}, `{"é k":` + j + "}"
	}, objectClass, "map"}
}

func (r *randomTypes) record(depth int) randomType {
	name := r.name("R")
	fields := make([]randomType, r.IntN(6))
	schema := make([]string, len(fields))
	for i := range fields {
		fields[i] = r.typ(depth - 1)
		schema[i] = fmt.Sprintf(`{"name":"%s_%d","type":%s}`, name, i, fields[i].schema)
	}
	return randomType{`{"type":"record","name":"` + name + `","fields":[` + strings.Join(schema, ",") + `]}`, func(r *rand.Rand) (any, string) {
		object, text := map[string]any{}, []string{}
		for i, f := range fields {
			v, j := f.value(r)
			key := name + "_" + strconv.Itoa(i)
			object[key] = v
			text = append(text, quote(key)+":"+j)
		}
		return object, "{" + strings.Join(text, ",") + "}"
	}, objectClass, ""}
}

// union makes a union whose branches differ in the class of their JSON, so that the
// branch is clear.
func (r *randomTypes) union(depth int) randomType {
	var branches []randomType
	var schema []string
	for range 1 + r.IntN(5) {
		b := r.typ(depth - 1)
		if b.class == classes || slices.ContainsFunc(branches, func(o randomType) bool { return o.class == b.class || o.kind == b.kind && b.kind != "" }) {
			continue
		}
		if b.class == textClass && slices.ContainsFunc(branches, func(o randomType) bool { return o.class == numberClass }) ||
			b.class == numberClass && slices.ContainsFunc(branches, func(o randomType) bool { return o.class == textClass }) {
			continue // a number may be text
		}
		branches, schema = append(branches, b), append(schema, b.schema)
	}
	if len(branches) == 0 {
		return r.scalar()
	}
	return randomType{"[" + strings.Join(schema, ",") + "]", func(r *rand.Rand) (any, string) {
		return branches[r.IntN(len(branches))].value(r)
	}, classes, ""}
}

// Values of random types have the bytes that the library gives them, and come back as
// the same JSON.
func TestRandomValues(t *testing.T) {
	for seed := range uint64(400) {
		r := &randomTypes{Rand: rand.New(rand.NewPCG(seed, 1))}
		typ := r.typ(3)
		oracle, err := avro.Parse(typ.schema)
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, typ.schema, err)
		}
		s, err := Compile(t.Context(), Source{Form: Avro, Text: typ.schema})
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, typ.schema, err)
		}
		for range 5 {
			v, text := typ.value(r.Rand)
			want, err := oracle.Encode(v)
			if err != nil {
				t.Fatalf("seed %d: %s of %v: %v", seed, typ.schema, v, err)
			}
			got, err := s.Encode([]byte("+"), []byte(text))
			if err != nil || !bytes.Equal(got[1:], want) {
				t.Fatalf("seed %d: %s of %s: %x (%v), want %x", seed, typ.schema, text, got, err, want)
			}
			back, err := s.Decode([]byte("+"), want, Data)
			if err != nil || !sameJSON(t, string(back[1:]), text) {
				t.Fatalf("seed %d: %s of %x: %s (%v), want %s", seed, typ.schema, want, back, err, text)
			}
			spaced := respace(text)
			if got, err = s.Encode(nil, []byte(spaced)); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("seed %d: %s of %s: %x (%v), want %x", seed, typ.schema, spaced, got, err, want)
			}
			shuffled := shuffle(t, r.Rand, text)
			if got, err = s.Encode(nil, []byte(shuffled)); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("seed %d: %s of %s: %x (%v), want %x", seed, typ.schema, shuffled, got, err, want)
			}
		}
	}
}

// sameJSON reports whether two texts are the same but for how characters are escaped.
func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	x, y := tokens(t, a), tokens(t, b)
	return slices.Equal(x, y)
}

func tokens(t *testing.T, text string) (out []string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	for d.More() || len(out) == 0 || d.InputOffset() < int64(len(text)) {
		token, err := d.Token()
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		out = append(out, fmt.Sprintf("%T %v", token, token))
	}
	return out
}

// respace puts white space between the tokens of JSON.
func respace(text string) string {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(text), "", " \t"); err != nil {
		panic(err)
	}
	return "\ufeff " + strings.ReplaceAll(b.String(), `": `, "\"\r :\n") + " "
}

// shuffle changes the order of members, with some before them that do not count.
func shuffle(t *testing.T, r *rand.Rand, text string) string {
	t.Helper()
	switch text[0] {
	case '[':
		var list []json.RawMessage
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(err)
		}
		parts := make([]string, len(list))
		for i := range list {
			parts[i] = shuffle(t, r, string(list[i]))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case '{':
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			t.Fatal(err)
		}
		var parts []string
		for k, v := range object {
			if strings.HasPrefix(k, "R") && r.IntN(4) == 0 {
				parts = append([]string{quote(k) + `:{"no":1}`}, parts...)
			}
			parts = append(parts, strings.Replace(quote(k), "R", `\u0052`, r.IntN(2))+":"+shuffle(t, r, string(v)))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	return text
}
