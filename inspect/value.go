package inspect

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

func bigEndian(b []byte) (int64, bool) {
	switch len(b) {
	case 1:
		return int64(int8(b[0])), true
	case 2:
		return int64(int16(binary.BigEndian.Uint16(b))), true
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b))), true
	case 8:
		return int64(binary.BigEndian.Uint64(b)), true
	}
	return 0, false
}

func float(b []byte) (float64, bool) {
	f := math.NaN()
	switch len(b) {
	case 4:
		f = float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	case 8:
		f = math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return f, !math.IsNaN(f) && !math.IsInf(f, 0)
}

// isBinary reports whether bytes are not text: not UTF-8, or with a zero byte.
func isBinary(b []byte) bool { return bytes.IndexByte(b, 0) >= 0 || !utf8.Valid(b) }

const schemaWord = "schema "

// appendBinary appends bytes that are not text as what they most likely are, an integer,
// a payload in Confluent's wire format or hex, and returns what that is.
func appendBinary(dst, b []byte) (out []byte, what string) {
	if n, ok := bigEndian(b); ok && len(b) >= 4 {
		return strconv.AppendInt(dst, n, 10), fmt.Sprintf("int%d", 8*len(b))
	}
	if len(b) > 5 && b[0] == 0 {
		return hex.AppendEncode(append(dst, "0x"...), b[5:]), fmt.Sprint(schemaWord, binary.BigEndian.Uint32(b[1:]))
	}
	return hex.AppendEncode(append(dst, "0x"...), b), strconv.Itoa(len(b)) + " bytes"
}
