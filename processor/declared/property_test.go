package declared

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// varied are topologies that use all that states have.
var varied = map[string]string{
	"fraud": `
		from: {a: {key: .k, set: {probe: if .x < 5 then $t else $s.probe end}}}
		order: time
		ttl: 30s
		keep:
		  recent: {count: ., within: 3s}
		  usual: {mean: .x, last: 4}
		  seen: {count: ., last: 5}
		let:
		  reasons: |
		    [ if $s.recent >= 3 then "velocity" else empty end,
		      if $was.seen >= 3 and .x > 2 * $was.usual then "outlier" else empty end,
		      if .x > 10 and $t - ($was.probe // 0) <= 1800 then "test" else empty end ]
		emit:
		  - {to: x, if: 'reasons != []', once: 1s, fields: {n: $n, reasons: reasons, recent: $s.recent, usual: $s.usual, t: $t}}
		`,
	"timers": `
		from:
		  a: {key: .k, set: {over: .x > 3, name: .s}}
		  b: {key: .k, set: {list: '($s.list // []) + [.x]'}}
		ttl: 20s
		timers:
		  long: {while: $s.over and ($s.running | not), after: 4s}
		  list: {while: $s.list != null, after: 6s}
		until: .x == 0
		emit:
		  - {to: x, when: long, fields: {n: $n, t: $t, name: $s.name}, set: {running: $n}}
		  - {to: x, if: $s.running and .x < 5, fields: {n: $n, was: $was.running}, set: {running: null}}
		  - {to: y, when: list, each: '$s.list[]', key: '"e\(.)"', fields: {v: ., t: $t}, set: {list: null}}
		`,
	"windows": `
		from: {a: {key: .k, set: {last: .s}}}
		window: {every: 2s, size: 6s}
		grace: 2s
		keep: {n: {count: .x > 5}, d: {distinct: .s}, most: {max: .x}, sum: {sum: .x, last: 3}}
		emit:
		  - {to: x, when: closed, fields: {s: $s, w: $window, n: $n, t: $t}}
		  - {to: y, if: .x > 15, once: 5s, fields: {w: $window, bad: 1 / (.x - 17)}}
		until: .x == 3
		`,
	"sessions": `
		from: {a: {key: .k}, b: {key: .k}}
		window: {gap: 3s}
		order: time
		keep: {n: {count: .}, least: {min: .x, within: 5s}, d: {distinct: .s, last: 3}}
		emit:
		  - {to: x, when: closed, fields: {s: $s, w: $window, n: $n, t: $t}}
		until: .x == 3
		`,
	"stragglers": `
		from: {a: {key: .k, set: {t: $t}}, b: {key: .k, set: {gone: .x > 16, bad: if .x == 7 then error("seven") else . end}}}
		ttl: 5s
		keep: {d: {distinct: .s, within: 4s}, s: {sum: .x, within: 2s}, m: {mean: .x}, all: {distinct: .x}}
		until: $s.gone
		emit: [{to: x, fields: {s: $s, was: $was, n: $n}}]
		`,
}

// traffic returns records of a log of two partitions of a and b.
func traffic(r *rig, rng *rand.Rand, n int) (records [][]byte) {
	now := int64(1_000_000)
	r.parts = []TopicSize{{[]byte("a"), 2}}
	if len(r.program.Topology.From) > 1 {
		r.parts = append(r.parts, TopicSize{[]byte("b"), 1})
	}
	sources := []string{"a/0", "a/1"}
	if len(r.parts) > 1 {
		sources = append(sources, "b/0")
	}
	latest := map[string]int64{}
	for range n {
		var lines []byte
		for range 1 + rng.IntN(4) {
			now += rng.Int64N(400)
			source := sources[rng.IntN(len(sources))]
			t := now - rng.Int64N(1500)
			if rng.IntN(30) == 0 {
				t -= 20_000
			}
			latest[source] = max(latest[source], t)
			if rng.IntN(3) == 0 {
				lines = append(lines, r.tickOf(source, latest[source])...)
				continue
			}
			key := fmt.Sprint("k", rng.IntN(5))
			x := fmt.Sprint(rng.IntN(20))
			if rng.IntN(8) == 0 {
				x = fmt.Sprintf("%d.%02d", rng.IntN(20), rng.IntN(100))
			}
			if rng.IntN(40) == 0 {
				x = `"text"`
			}
			lines = append(lines, r.lineOf(source, key, t, fmt.Sprintf(`{"k":"%s","x":%s,"s":["a\u0062",%d]}`, key, x, rng.IntN(3)))...)
		}
		records = append(records, lines)
	}
	return records
}

// What is rolled back at any place and applied again gives the same, and so does a machine
// that is restored from the changelog at any place.
func TestRollbackAndRestartChangeNothing(t *testing.T) {
	for name, lines := range varied {
		t.Run(name, func(t *testing.T) {
			p := program(t, lines)
			kinds := map[string]bool{}
			for seed := range uint64(12) {
				rng := rand.New(rand.NewPCG(seed, 1))
				plain, other := newRig(t, p), newRig(t, p)
				other.machine.due.least, other.machine.due.entriesLimit = 0, 0 // cleaned at each commit
				records := traffic(plain, rng, 150)
				for _, lines := range records {
					plain.record(lines)
				}
				for at := 0; at < len(records); {
					n := min(1+rng.IntN(5), len(records)-at)
					other.log = append(other.log, records[at:at+n]...)
					other.uncertain(at, n, 1+rng.IntN(3))
					if at += n; rng.IntN(4) == 0 {
						other.restart(p, rng.IntN(2) == 0)
					}
				}
				if !slices.Equal(plain.out, other.out) {
					t.Fatalf("seed %d: %s", seed, firstDifference(plain.out, other.out))
				}
				if a, b := plain.live(), other.live(); !slices.EqualFunc(a, b, sameRecord) {
					t.Fatalf("seed %d: the changelogs differ:\n%s\n%s", seed, texts(a), texts(b))
				}
				for _, out := range plain.out {
					kind, _, _ := strings.Cut(out, " ")
					kinds[kind] = true
				}
			}
			if !kinds["0"] || name == "windows" && !kinds["late"] || name == "stragglers" && !kinds["expression"] {
				t.Errorf("the traffic causes only %v", kinds)
			}
		})
	}
}

// uncertain applies n records of the log from an offset on, rolls them back so many times,
// and commits them in the end. Their changelog must be the same each time.
func (r *rig) uncertain(from, n, times int) {
	r.Helper()
	var first []record
	for i := range times + 1 {
		var e effects
		for offset := from; offset < from+n; offset++ {
			if err := r.machine.Apply(int64(offset), r.log[offset], &e); err != nil {
				r.Fatal(err)
			}
		}
		if i == times {
			r.commit(r.machine, &e)
			return
		}
		sealed := r.seal(r.machine)
		if i > 0 && !slices.EqualFunc(first, sealed, sameRecord) {
			r.Fatalf("record %d: the changelog differs after a rollback:\n%s\n%s", from, texts(first), texts(sealed))
		}
		first = sealed
		r.machine.Rollback()
		r.check(r.machine)
	}
}

func sameRecord(a, b record) bool {
	return string(a.key) == string(b.key) && string(a.value) == string(b.value) && (a.value == nil) == (b.value == nil)
}

func texts(records []record) string {
	var b strings.Builder
	for _, r := range records {
		fmt.Fprintf(&b, "%q=%q\n", r.key, r.value)
	}
	return b.String()
}

func firstDifference(a, b []string) string {
	for i := range max(len(a), len(b)) {
		x, y := "nothing", "nothing"
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return fmt.Sprintf("output %d is\n%s\nand then\n%s", i, x, y)
		}
	}
	return "they are the same"
}
