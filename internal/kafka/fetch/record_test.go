package fetch

import (
	"reflect"
	"strings"
	"testing"
)

// Headers of all lengths around those that take one byte, null and cut short.
func TestHeadersOfAllLengths(t *testing.T) {
	var want []Header
	for _, key := range []int{0, 1, 62, 63, 64, 200} {
		for _, value := range []int{-1, 0, 1, 63, 64, 8192} {
			h := Header{Key: strings.Repeat("k", key)}
			if value >= 0 {
				h.Value = []byte(strings.Repeat("v", value))
			}
			want = append(want, h)
		}
	}
	var r Record
	r.SetHeaders(want)
	read := func() (got []Header) {
		r.EachHeader(func(key, value []byte) bool {
			got = append(got, Header{string(key), value})
			return true
		})
		return got
	}
	if got := read(); !reflect.DeepEqual(got, want) {
		t.Errorf("%d headers, want %d, or other ones", len(got), len(want))
	}
	whole := r.headers
	for cut := range min(len(whole), 2000) {
		r.headers = whole[:cut:cut]
		if got := read(); len(got) >= len(want) || len(got) > 0 && !reflect.DeepEqual(got, want[:len(got)]) {
			t.Fatalf("cut to %d bytes: %d headers, or other ones", cut, len(got))
		}
	}
}
