package fetch

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// The codecs by their names, with the number that a batch's attributes have.
var codecs = map[string]struct {
	number int16
	pack   func(t testing.TB, plain io.Reader) []byte
}{
	"gzip":   {1, func(t testing.TB, plain io.Reader) []byte { return packed(t, plain, gzip.NewWriter) }},
	"snappy": {2, packSnappy},
	"xerial": {2, packXerial},
	"lz4":    {3, func(t testing.TB, plain io.Reader) []byte { return packed(t, plain, lz4.NewWriter) }},
	"zstd": {4, func(t testing.TB, plain io.Reader) []byte {
		return packed(t, plain, func(w io.Writer) *zstd.Encoder {
			e, err := zstd.NewWriter(w, zstd.WithWindowSize(64<<10))
			if err != nil {
				t.Fatal(err)
			}
			return e
		})
	}},
}

func packed[W io.WriteCloser](t testing.TB, plain io.Reader, writer func(io.Writer) W) []byte {
	t.Helper()
	var out bytes.Buffer
	w := writer(&out)
	if _, err := io.Copy(w, plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func packSnappy(t testing.TB, plain io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	return s2.EncodeSnappy(nil, b)
}

func packXerial(t testing.TB, plain io.Reader) []byte {
	t.Helper()
	out := append(append([]byte(nil), xerial...), 0, 0, 0, 1, 0, 0, 0, 1)
	block := make([]byte, 32<<10)
	for {
		n, err := io.ReadFull(plain, block)
		if n > 0 {
			b := s2.EncodeSnappy(nil, block[:n])
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(b))), b...)
		}
		if err != nil {
			return out
		}
	}
}

// compressed returns the batch with its records packed.
func (b testBatch) compressed(t testing.TB, codec string) []byte {
	t.Helper()
	plain := b.bytes(t)
	count := int(binary.BigEndian.Uint32(plain[57:]))
	b.attributes |= codecs[codec].number
	return b.wrap(codecs[codec].pack(t, bytes.NewReader(plain[batchOverhead:])), count)
}

// zeros is endless.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// A batch that unpacks to far more than the limit takes no more memory than the
// limit says, is told, and does not keep from what comes behind it.
func TestBomb(t *testing.T) {
	const limit, size = 1 << 20, 128 << 20
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			bomb := testBatch{base: 3, attributes: codec.number, values: []string{"x", "y"}}
			plain := io.LimitReader(zeros{}, size)
			log := testBatch{base: 0, values: []string{"a"}}.compressed(t, name)
			log = append(log, bomb.wrap(codec.pack(t, plain), 2)...)
			log = append(log, testBatch{base: 5, values: []string{"b"}}.compressed(t, name)...)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			var got []string
			d := NewDecoder()
			d.MaxBatch = limit
			err := d.Each(&Chunk{Topic: "t", Batches: log}, func(r *Record) bool {
				got = append(got, string(r.Value))
				return true
			})
			runtime.ReadMemStats(&after)
			if strings.Join(got, " ") != "a b" {
				t.Errorf("got %q around it", got)
			}
			var b *BatchError
			if !errors.As(err, &b) || !errors.Is(err, ErrTooLarge) || b.First != 3 || b.Last != 4 {
				t.Errorf("it is told as %v", err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 64*limit { // the codecs have buffers of their own
				t.Errorf("%d MiB were allocated with a limit of %d", took>>20, limit>>20)
			}
		})
	}
}

// A length that a block claims for itself takes no memory before it is
// believable.
func TestSnappyClaims(t *testing.T) {
	u := unpacker{limit: 1 << 30}
	claim := append(binary.AppendUvarint(nil, 900<<20), 0, 0)
	for name, b := range map[string][]byte{
		"block":  claim,
		"framed": append(append(append(append([]byte(nil), xerial...), 0, 0, 0, 1, 0, 0, 0, 1), 0, 0, 0, byte(len(claim))), claim...),
		"cut":    append(append(append([]byte(nil), xerial...), 0, 0, 0, 1, 0, 0, 0, 1), 0, 0, 1),
		"beyond": append(append(append([]byte(nil), xerial...), 0, 0, 0, 1, 0, 0, 0, 1), 0xff, 0xff, 0xff, 0xff),
	} {
		if plain, err := u.unpack(b, 2); err == nil {
			t.Errorf("%s: %d bytes", name, len(plain))
		}
	}
}

func TestCodecs(t *testing.T) {
	d := NewDecoder()
	for name := range codecs {
		want := strings.Repeat("value ", 30_000)
		log := testBatch{values: []string{"small"}}.compressed(t, name)
		log = append(log, testBatch{base: 1, values: []string{want}}.compressed(t, name)...)
		var got []string
		err := d.Each(&Chunk{Batches: log}, func(r *Record) bool { got = append(got, string(r.Value)); return true })
		if err != nil || len(got) != 2 || got[0] != "small" || got[1] != want {
			t.Errorf("%s: %d records (%v)", name, len(got), err)
		}
	}
	if _, err := d.unpacker.unpack(nil, 7); err == nil {
		t.Error("codec 7 is known")
	}
}

// Whatever is packed, no more than the limit comes out.
func FuzzUnpack(f *testing.F) {
	for _, c := range codecs {
		f.Add(c.pack(f, strings.NewReader("some text, some text, some text")), c.number)
	}
	f.Fuzz(func(t *testing.T, b []byte, codec int16) {
		u := unpacker{limit: 1 << 20}
		for range 2 { // the buffer of the first is the second's
			if plain, err := u.unpack(b, codec&codecBits); err == nil && codec&codecBits != 0 && len(plain) > u.limit {
				t.Fatalf("%d bytes came out", len(plain))
			}
		}
	})
}
