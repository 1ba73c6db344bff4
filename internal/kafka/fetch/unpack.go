package fetch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ErrTooLarge is wrapped when a batch unpacks to more than it may.
var ErrTooLarge = errors.New("it unpacks to more")

// unpacker decompresses batches into one buffer that it hands out again and
// again: a batch is done with before the next one is unpacked. What unpacks to
// more than limit bytes is refused before that much memory is taken: a batch of
// a megabyte can hold gigabytes of zeros. (franz-go's own decompressor takes no
// limit of ours.)
type unpacker struct {
	limit int
	buf   []byte
	src   bytes.Reader
	gzip  *gzip.Reader
	lz4   *lz4.Reader
	zstd  *zstd.Decoder
}

// A batch that unpacks to more than this does not keep its buffer.
const keepBuffer = 8 << 20

// unpack returns the records of a batch, valid until the next call.
func (u *unpacker) unpack(b []byte, codec int16) (plain []byte, err error) {
	switch kgo.CompressionCodecType(codec) {
	case kgo.CodecNone:
		return b, nil
	case kgo.CodecGzip:
		plain, err = u.gunzip(b)
	case kgo.CodecSnappy:
		plain, err = u.snappy(b)
	case kgo.CodecLz4:
		u.src.Reset(b)
		if u.lz4 == nil {
			u.lz4 = lz4.NewReader(nil)
		}
		u.lz4.Reset(&u.src)
		plain, err = u.readAll(u.lz4)
	case kgo.CodecZstd:
		plain, err = u.unzstd(b)
	default:
		return nil, fmt.Errorf("there is no compression codec %d", codec)
	}
	if errors.Is(err, ErrTooLarge) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("decompressing: %w", err)
	}
	if cap(plain) <= keepBuffer {
		u.buf = plain
	}
	return plain, nil
}

// buffer returns the empty buffer to the caller alone.
func (u *unpacker) buffer() []byte {
	b := u.buf[:0]
	u.buf = nil
	return b
}

func (u *unpacker) tooLarge() error {
	if u.limit < 1<<20 {
		return fmt.Errorf("%w than %d bytes", ErrTooLarge, u.limit)
	}
	return fmt.Errorf("%w than %d MiB", ErrTooLarge, u.limit>>20)
}

func (u *unpacker) gunzip(b []byte) ([]byte, error) {
	u.src.Reset(b)
	if u.gzip == nil {
		u.gzip = new(gzip.Reader)
	}
	if err := u.gzip.Reset(&u.src); err != nil {
		return nil, err
	}
	return u.readAll(u.gzip)
}

// readAll reads to the end, or fails as soon as there is more than the limit.
func (u *unpacker) readAll(r io.Reader) ([]byte, error) {
	out := u.buffer()
	for {
		if len(out) == cap(out) {
			out = append(make([]byte, 0, min(max(2*cap(out), 64<<10), u.limit+1)), out...)
		}
		n, err := r.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		switch {
		case len(out) > u.limit:
			return nil, u.tooLarge()
		case err == io.EOF:
			return out, nil
		case err != nil:
			return nil, err
		}
	}
}

func (u *unpacker) unzstd(b []byte) ([]byte, error) {
	if u.zstd == nil {
		d, err := zstd.NewReader(nil, zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxMemory(uint64(u.limit)))
		if err != nil {
			return nil, err
		}
		u.zstd = d
	}
	plain, err := u.zstd.DecodeAll(b, u.buffer())
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
		return nil, u.tooLarge()
	}
	return plain, err
}

// Snappy comes as one block, or as blocks behind this header, each with its
// length in front: Java's writers do that.
var xerial = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeader = 16

var errXerial = errors.New("snappy: corrupt framing")

func (u *unpacker) snappy(b []byte) ([]byte, error) {
	if len(b) <= xerialHeader || !bytes.HasPrefix(b, xerial) {
		return u.block(u.buffer(), b)
	}
	out := u.buffer()
	for b = b[xerialHeader:]; len(b) > 0; {
		if len(b) < 4 {
			return nil, errXerial
		}
		n := int64(binary.BigEndian.Uint32(b))
		if b = b[4:]; n > int64(len(b)) {
			return nil, errXerial
		}
		var err error
		if out, err = u.block(out, b[:n]); err != nil {
			return nil, err
		}
		b = b[n:]
	}
	return out, nil
}

// maxSnappy is more than a byte of snappy can stand for: 64 bytes take two.
const maxSnappy = 64

// block appends what one block holds. Its length stands in front of it, and is
// not believed if so few bytes can't hold that many.
func (u *unpacker) block(out, b []byte) ([]byte, error) {
	n, err := s2.DecodedLen(b)
	switch {
	case err != nil:
		return nil, err
	case n > u.limit-len(out):
		return nil, u.tooLarge()
	case n > maxSnappy*len(b):
		return nil, s2.ErrCorrupt
	}
	if cap(out)-len(out) < n {
		out = append(make([]byte, 0, max(2*cap(out), len(out)+n)), out...)
	}
	at := len(out)
	plain, err := s2.Decode(out[at:at+n:at+n], b)
	if err != nil {
		return nil, err
	}
	return append(out[:at], plain...), nil
}
