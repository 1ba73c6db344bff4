package declared

import (
	"fmt"
	"testing"
)

// Rows that a line has, lacks or has as null, in the spelling of AppendLine and in
// others, in turn: none is taken for that of another line.
func TestJoinedRows(t *testing.T) {
	r := start(t, `
		from:
		  a: {join: {p: {table: c, key: .id}, q: {table: c, key: .id}}, key: .k}
		ttl: forever
		emit:
		  - {to: x, fields: {price: $p.price, cents: $p.tax.cents, all: $q, name: $q.name}}`)
	ordinary := `{"k":"k","t":1,"in":"a","src":"a/0@%d","ts":1,%s"v":{}}`
	reordered := `{%[2]s"v":{}, "ts":1,"t":1,"in":"a","k":"k","src":"a/0@%[1]d"}`
	for i, c := range []struct{ spelling, rows, want string }{
		{ordinary, `"j":{"p":{"price":3,"tax":{"cents":7}},"q":{"name":"n"}},`, `{"price":3,"cents":7,"all":{"name":"n"},"name":"n"}`},
		{ordinary, ``, `{"price":null,"cents":null,"all":null,"name":null}`},
		{reordered, `"j":{"q":{"name":"m"},"p":{"price":4}},`, `{"price":4,"cents":null,"all":{"name":"m"},"name":"m"}`},
		{ordinary, `"j":{"p":null,"q":{}},`, `{"price":null,"cents":null,"all":{},"name":null}`},
		{reordered, ``, `{"price":null,"cents":null,"all":null,"name":null}`},
	} {
		got := r.record(fmt.Appendf(nil, c.spelling+"\n", i, c.rows))
		want(t, got, fmt.Sprintf("0 k@1 %s #t-k-1-%d-0", c.want, i+1))
	}
}
