package inspect

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"inv/internal/termsafe"
)

// CSV renders records as CSV (RFC 4180) with a header line: topic, partition, offset,
// timestamp (epoch ms), key, headers (JSON) and value. A null key and a tombstone are
// empty fields, an empty key or value is "". Bytes that are not UTF-8 are base64
// after "base64:".
type CSV struct {
	begun bool
	cell  []byte
}

const csvHeader = "topic,partition,offset,timestamp,key,headers,value\n"

// Append appends the record's line.
func (c *CSV) Append(dst []byte, r *Record) []byte {
	if !c.begun {
		c.begun = true
		dst = append(dst, csvHeader...)
	}
	dst = append(appendTopic(dst, r.Topic), ',')
	dst = append(strconv.AppendInt(dst, int64(r.Partition), 10), ',')
	dst = append(strconv.AppendInt(dst, r.Offset, 10), ',')
	dst = append(strconv.AppendInt(dst, r.Timestamp, 10), ',')
	dst = append(c.text(dst, r.Key), ',')
	if r.HeaderCount > 0 {
		c.cell = appendHeaderList(c.cell[:0], r)
		dst = quoteCSV(dst, c.cell)
	}
	dst = c.text(append(dst, ','), r.Value)
	return append(dst, '\n')
}

func (c *CSV) text(dst, b []byte) []byte {
	switch {
	case b == nil:
		return dst
	case len(b) == 0:
		return append(dst, `""`...)
	case !utf8.Valid(b):
		return base64.StdEncoding.AppendEncode(append(dst, "base64:"...), b)
	}
	c.cell = termsafe.Append(reserve(emptied(c.cell), len(b)), b)
	return quoteCSV(reserve(dst, len(c.cell)), c.cell)
}

func quoteCSV(dst, text []byte) []byte {
	if !bytes.ContainsAny(text, `",`) && text[0] != ' ' && text[len(text)-1] != ' ' {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for part := range bytes.SplitAfterSeq(text, []byte(`"`)) {
		dst = append(append(dst, part...), '"') // doubles the quote, or ends the cell
	}
	return dst
}
