package stage

import (
	"bytes"
	"strconv"
	"testing"
)

func TestArenaKeepsWhatIsKept(t *testing.T) {
	tx := &Tx{arena: &arena{}}
	for round := range 3 {
		var kept [][]byte
		var want []string
		for i := range 3000 {
			text := strconv.Itoa(i) + string(bytes.Repeat([]byte{'x'}, i*37%1500))
			b := tx.Room(i % 700) // often too little
			kept = append(kept, tx.Keep(append(b, text...)))
			want = append(want, text)
		}
		for i := range kept {
			if string(kept[i]) != want[i] {
				t.Fatalf("round %d: value %d was overwritten", round, i)
			}
			if cap(kept[i]) != len(kept[i]) && len(kept[i]) < chunkBytes/4 {
				kept[i] = append(kept[i], "more"...) // must not reach into the next
			}
		}
		for i := range kept {
			if !bytes.HasPrefix(kept[i], []byte(want[i])) {
				t.Fatalf("round %d: appending overwrote value %d", round, i)
			}
		}
		tx.arena.reset()
	}
}
