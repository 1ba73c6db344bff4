package declared

import "testing"

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
