package files

import (
	"runtime"

	"github.com/klauspost/compress/zstd"
	codecs "github.com/parquet-go/parquet-go/compress/zstd"
)

// codec is zstd for the pages of Parquet files. That of the library keeps 8 MiB for each page
// that is compressed at the same time, to look for repetitions, which is more than all pages
// have. This one keeps no more than a page. It is safe for concurrent use.
type codec struct {
	codecs.Codec // which reads
	encoder      *zstd.Encoder
}

// maxEncoders is how many pages are compressed at the same time.
const maxEncoders = 4

func newCodec() (*codec, error) {
	encoder, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(pageBytes), zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderConcurrency(min(runtime.GOMAXPROCS(0), maxEncoders)),
		zstd.WithZeroFrames(true), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	return &codec{encoder: encoder}, nil
}

// Encode compresses a page.
func (c *codec) Encode(dst, src []byte) ([]byte, error) {
	return c.encoder.EncodeAll(src, dst[:0]), nil
}
