package declared

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"inv/internal/event"
)

func TestStepsSeeStateInTheirOrder(t *testing.T) {
	r := start(t, `
		from:
		  a: {key: .k, set: {x: .x, y: $s.x + 1, z: empty}}
		ttl: forever
		keep: {n: {count: ., last: 2}, sum: {sum: .x}}
		emit:
		  - {to: x, fields: {was: $was, now: $s, n: $n, t: $t, key: $key, in: $in, at: '"\($topic)/\($partition)@\($offset)"'}, set: {mark: $n, x: null}}
		  - {to: y, if: $s.mark > 1, fields: {mark: $s.mark, x: $s.x, has: '($s | has("x"))', z: '($s | has("z"))'}}
		`)
	want(t, r.line("a/0", "k1", 5, `{"x":10}`),
		`0 k1@5 {"was":{"n":0,"sum":0},"now":{"n":1,"sum":10,"x":10,"y":11},"n":1,"t":5,"key":"k1","in":"a","at":"a/0@0"} #t-k1-5-1-0`)
	want(t, r.line("a/0", "k1", 6, `{"x":1.50}`),
		`0 k1@6 {"was":{"n":1,"sum":10,"x":null,"y":11,"mark":1},"now":{"n":2,"sum":11.5,"x":1.50,"y":2.5,"mark":1},"n":2,"t":6,"key":"k1","in":"a","at":"a/0@1"} #t-k1-5-2-0`,
		`1 k1@6 {"mark":2,"x":null,"has":true,"z":false} #t-k1-5-2-1`)
}

func TestKeysWithoutNumbersBeginAgainAfterUntil(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k, set: {x: .x}}}
		ttl: forever
		until: $s.x == 2
		emit: [{to: x, fields: {n: $n, was: $was.x}}]
		`)
	want(t, r.line("a/0", "k", 5, `{"x":1}`), `0 k@5 {"n":1,"was":null} #t-k-5-1-0`)
	want(t, r.line("a/0", "k", 6, `{"x":2}`), `0 k@6 {"n":2,"was":1} #t-k-5-2-0`)
	if states := r.machine.Counts().Keys; states != 0 {
		t.Errorf("%d keys after until", states)
	}
	want(t, r.line("a/0", "k", 7, `{"x":1}`), `0 k@7 {"n":1,"was":null} #t-k-7-1-0`)
}

// The first record of a key has no state before it, and an absent field is not true.
func TestCrossingIsNoticedAtTheFirstLine(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k, set: {low: .x < 5}}}
		ttl: forever
		emit: [{to: x, if: $s.low and ($was.low | not), fields: {n: $n}}]
		`)
	want(t, r.line("a/0", "k", 1, `{"x":1}`), `0 k@1 {"n":1} #t-k-1-1-0`)
	want(t, r.line("a/0", "k", 1, `{"x":2}`))
	want(t, r.line("a/0", "k", 1, `{"x":5}`))
	want(t, r.line("a/0", "k", 1, `{"x":4}`), `0 k@1 {"n":4} #t-k-1-4-0`)
	want(t, r.line("a/0", "other", 1, `{}`))
}

func TestOnce(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k}}
		ttl: forever
		emit:
		  - {to: x, once: 10ms, each: '.list[]', fields: {v: .}, set: {count: $s.count + 1}}
		  - {to: y, fields: {count: $s.count}}
		`)
	want(t, r.line("a/0", "k", 100, `{"list":[]}`), `1 k@100 {"count":1} #t-k-100-1-1`) // nothing was written
	want(t, r.line("a/0", "k", 101, `{"list":[1,2]}`), `0 k@101 {"v":1} #t-k-100-2-0.0`, `0 k@101 {"v":2} #t-k-100-2-0.1`, `1 k@101 {"count":2} #t-k-100-2-1`)
	want(t, r.line("a/0", "k", 110, `{"list":[3]}`), `1 k@110 {"count":2} #t-k-100-3-1`)
	want(t, r.line("a/0", "k", 50, `{"list":[4]}`), `1 k@50 {"count":2} #t-k-100-4-1`)
	want(t, r.line("a/0", "k2", 110, `{"list":[5]}`), `0 k2@110 {"v":5} #t-k2-110-1-0.0`, `1 k2@110 {"count":1} #t-k2-110-1-1`)
	want(t, r.line("a/0", "k", 111, `{"list":[6]}`), `0 k@111 {"v":6} #t-k-100-5-0.0`, `1 k@111 {"count":3} #t-k-100-5-1`)
}

func TestFailedStepIsUndone(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k, set: {x: .x}}}
		ttl: forever
		keep: {sum: {sum: .x}}
		timers: {long: {while: $s.x > 1, after: 5ms}}
		emit:
		  - {to: y, when: long, fields: {t: $t}}
		  - {to: x, once: 1h, fields: {s: $s, n: $n}}
		  - {to: x, fields: {y: 10 / .y}, set: {done: true}}
		`)
	want(t, r.line("a/0", "k", 100, `{"x":2,"y":0}`), `expression a/0@0 k: t.yaml:12:29: cannot divide number (10) by: number (0) {"x":2,"y":0}`)
	if c := r.machine.Counts(); c != (Counts{}) {
		t.Errorf("after a first step that failed there is %+v", c)
	}
	want(t, r.line("a/0", "k", 101, `{"x":1,"y":1}`), `1 k@101 {"s":{"sum":1,"x":1},"n":1} #t-k-101-1-1`, `2 k@101 {"y":10} #t-k-101-1-2`)
	before := texts(r.live()[:1])
	want(t, r.line("a/0", "k", 120, `{"x":"3"}`), `expression a/0@2 k: t.yaml:7:23: sum of a string: it must be a number {"x":"3"}`)
	if after := texts(r.live()[:1]); before != after {
		t.Errorf("the state of the key changed:\n%s%s", before, after)
	}
	want(t, r.tick("a/0", 1000))
	want(t, r.line("a/0", "k", 130, `{"x":1,"y":5}`), `2 k@130 {"y":2} #t-k-101-2-2`)
}

func TestNumbersKeepTheirText(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k, set: {x: .x}}}
		ttl: forever
		emit: [{to: x, fields: {x: $s.x, was: $was.x, y: .y}}]
		`)
	r.line("a/0", "k", 1, `{"x":12345678901234567890.10,"y":1.0}`)
	r.restart(r.program, true)
	want(t, r.line("a/0", "k", 1, `{"x":1E2,"y":1e-0}`), `0 k@1 {"x":1E2,"was":12345678901234567890.10,"y":1e-0} #t-k-1-2-0`)
}

func TestClockIsOnlyForFields(t *testing.T) {
	p := program(t, `
		from: {a: {key: .k}}
		ttl: forever
		emit: [{to: x, fields: {c: $clock}}]
		`)
	r := newRig(t, p)
	r.machine.Now = func() int64 { return 42 }
	want(t, r.line("a/0", "k", 1, `{}`), `0 k@1 {"c":42} #t-k-1-1-0`)
}

func TestRowsHeadersAndElements(t *testing.T) {
	r := start(t, `
		from:
		  a: {each: '.l[]', join: {p: {table: c, key: .id}}, key: .k}
		  b: {key: .k}
		ttl: forever
		emit: [{to: x, fields: {p: $p.name, i: $i, h: $headers.h, v: .v}}]
		`)
	line := `{"k":"k","t":1,"in":"a","src":"a/0@0","ts":1,"i":3,"j":{"p":{"name":"N"}},"h":{"h":"x"},"v":{"v":2}}` + "\n"
	want(t, r.record([]byte(line)), `0 k@1 {"p":"N","i":3,"h":"x","v":2} #t-k-1-1-0`)
	want(t, r.line("b/0", "k", 1, `{"v":3}`), `0 k@1 {"p":null,"i":null,"h":null,"v":3} #t-k-1-2-0`)
}

func TestStateTooLarge(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k, set: {list: '($s.list // []) + [.x]'}}}
		ttl: forever
		emit: [{to: x, fields: {n: $s.list | length}}]
		`)
	big := strings.Repeat("x", 30<<10)
	for n := range 4 {
		out := r.line("a/0", "k", 1, fmt.Sprintf(`{"x":%q}`, big))
		want := fmt.Sprintf("0 k@1 {\"n\":%d}", n+1)
		if n >= 2 {
			want = `state-too-large a/0@` + fmt.Sprint(n) + ` k: the state of key "k" would have 92178 bytes; the limit is 65536`
		}
		if len(out) != 1 || !strings.HasPrefix(out[0], want) {
			t.Errorf("line %d: %.200q, want %s", n, out, want)
		}
	}
	want(t, r.line("a/0", "k", 1, `{"x":1}`), `0 k@1 {"n":3} #t-k-1-3-0`)
}

func TestOutputsThatATopicDoesNotTake(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k, set: {x: .x}}}
		ttl: forever
		emit: [{to: x, fields: {x: .x}}, {to: y, fields: {was: $was.x}}]
		`)
	r.machine.Takes = func(o *Output, room []byte) ([]byte, error) {
		if o.Emit == 0 && len(o.Value) > 10 {
			return room, refused(event.TooLarge, "x takes 10 bytes")
		}
		return room, nil
	}
	want(t, r.line("a/0", "k", 1, `{"x":1}`), `0 k@1 {"x":1} #t-k-1-1-0`, `1 k@1 {"was":null} #t-k-1-1-1`)
	want(t, r.line("a/0", "k", 1, `{"x":12345678}`), `too-large a/0@1 k: x takes 10 bytes {"x":12345678}`)
	want(t, r.line("a/0", "k", 1, `{"x":2}`), `0 k@1 {"x":2} #t-k-1-2-0`, `1 k@1 {"was":1} #t-k-1-2-1`)
}

// Effects may fail; then the transaction is rolled back.
func TestEffectsMayFail(t *testing.T) {
	r := start(t, `
		from: {a: {key: .k}}
		ttl: forever
		emit: [{to: x, fields: {n: $n}}]
		`)
	r.line("a/0", "k", 1, `{}`)
	failed := errors.New("no")
	lines := r.lineOf("a/0", "k", 1, `{}`)
	if err := r.machine.Apply(1, lines, failing{failed}); !errors.Is(err, failed) {
		t.Errorf("%v, want %v", err, failed)
	}
	r.machine.Rollback()
	want(t, r.record(lines), `0 k@1 {"n":2} #t-k-1-2-0`)
}

type failing struct{ err error }

func (f failing) Output(*Output) error { return f.err }
func (f failing) Letter(*Letter) error { return f.err }

func TestWrongLogs(t *testing.T) {
	r := start(t, "from: {a: {key: .k}}\nttl: forever\nemit: [{to: x}]")
	for _, text := range []string{
		"{}", "x", `{"k":"k","t":1,"in":"a","src":"a/0@0","ts":1,"v":{]}`, `{"k":"k","t":1,"in":"b","src":"a/0@0","ts":1,"v":{}}`,
		`{"tick":1,"of":"a"}`, strings.Repeat("x", MaxLine+1),
	} {
		if err := r.machine.Apply(0, []byte(text+"\n"), &effects{}); err == nil {
			t.Errorf("%.100s is applied", text)
		}
		r.machine.Rollback()
	}
	for _, c := range [][2]string{
		{"x/k", "\x01"}, {"w/1/k", "\x01"}, {"k/k", ""}, {"k/k", "\x02\x01\x00\x00\x00"}, {"m/", ""}, {"m/", "{}"}, {"v/1", "{"}, {"v/1", `{"id":1,"version":1,"set":["y"]}`}, {"v/1", `{"version":1}`},
		{"k/k", "\x01\x01\x00\x00\x01\x07"}, {"k/k", "\x01\x02\x00\x00\x01"}, {"v/2", `{"id":2,"version":2,"keep":[{"kind":"no"}]}`},
	} {
		m := r.program.NewMachine()
		err := m.Restore([]byte(c[0]), []byte(c[1]))
		if err == nil {
			_, _, _, err = m.Restored()
		}
		if err == nil {
			t.Errorf("%q=%q is restored", c[0], c[1])
		}
	}
}

// With `order: time` the results for a key are the same however its partitions are laid
// out, as long as nothing is late.
func TestTimeOrderGivesTheSameAt1And8Partitions(t *testing.T) {
	for _, name := range []string{"fraud", "sessions"} {
		p := program(t, strings.Replace(varied[name], "order: time", "order: time\n\t\tgrace: 30s", 1))
		for seed := range uint64(5) {
			one, eight := spread(t, p, seed, 1), spread(t, p, seed, 8)
			if len(one) == 0 || slices.Compare(one, eight) != 0 {
				t.Errorf("%s: %s", name, firstDifference(one, eight))
			}
		}
	}
}

// spread applies the same records to so many log partitions, whose lines come in another
// order each, and returns the outputs in the order of keys and then of their coming.
func spread(t *testing.T, p *Program, seed uint64, partitions int) []string {
	events := rand.New(rand.NewPCG(seed, 1))
	order := rand.New(rand.NewPCG(seed, uint64(partitions)))
	rigs := make([]*rig, partitions)
	for i := range rigs {
		rigs[i] = newRig(t, p)
		rigs[i].parts = []TopicSize{{[]byte("a"), 3}}
	}
	type event struct {
		key, value string
		t          int64
	}
	queues := make([][]event, 3) // source partitions
	now := int64(1_000_000)
	for range 600 {
		now += events.Int64N(300)
		key := fmt.Sprint("k", events.IntN(12))
		source := events.IntN(3)
		queues[source] = append(queues[source], event{key, fmt.Sprintf(`{"x":%d,"s":%d}`, events.IntN(20), events.IntN(3)), now - events.Int64N(5000)/10*10})
	}
	offset := make([]int64, 3)
	latest := make([]int64, 3)
	for left := 600; left > 0; left-- {
		source := order.IntN(3)
		for len(queues[source]) == 0 {
			source = (source + 1) % 3
		}
		e := queues[source][0]
		queues[source] = queues[source][1:]
		latest[source] = max(latest[source], e.t)
		n := int(e.key[len(e.key)-1]) % partitions
		rigs[n].record(AppendLine(nil, &Line{Key: []byte(e.key), Time: e.t, Input: []byte("a"), Topic: []byte("a"), Partition: int32(source),
			Offset: offset[source], Index: -1, Value: []byte(e.value)}))
		offset[source]++
		if left%7 == 0 || left < 4 {
			for _, r := range rigs {
				r.tick(fmt.Sprintf("a/%d", source), latest[source])
			}
		}
	}
	var all []string
	for _, r := range rigs {
		for source := range 3 {
			r.tick(fmt.Sprintf("a/%d", source), now+1_000_000)
		}
		all = append(all, r.out...)
		if c := r.machine.Counts(); c.Held > 0 || c.Late > 0 {
			t.Errorf("%+v in the end", c)
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return strings.Compare(keyOfOutput(a), keyOfOutput(b)) })
	return all
}

func keyOfOutput(out string) string {
	_, rest, _ := strings.Cut(out, " ")
	key, _, _ := strings.Cut(rest, "@")
	return key
}
