package files

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"testing"
)

// Pages that are compressed side by side come back, and take less memory than one of them
// does with the library's own codec, which is 8 MiB.
func TestCodecKeepsAPage(t *testing.T) {
	page := make([]byte, 0, pageBytes+20)
	for rng := rand.New(rand.NewPCG(1, 1)); len(page) < pageBytes; {
		page = strconv.AppendInt(append(page, `{"stock":`...), rng.Int64N(1e6), 10)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	encoded := make([][]byte, maxEncoders)
	var work sync.WaitGroup
	for i := range encoded {
		work.Go(func() {
			for range 20 {
				encoded[i], _ = c.Encode(encoded[i], page) // it doesn't fail
			}
		})
	}
	work.Wait()
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
		t.Errorf("%d bytes were allocated", took)
	}
	for _, b := range encoded {
		if plain, err := c.Decode(nil, b); err != nil || !bytes.Equal(plain, page) || len(b) >= len(page) {
			t.Fatalf("%d bytes of %d came back as %d: %v", len(b), len(page), len(plain), err)
		}
	}
}
