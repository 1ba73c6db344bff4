package inspect

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"inv/internal/termsafe"
)

// CSV renders records as RFC 4180: topic, partition, offset, timestamp (epoch
// ms), key, headers (as JSON) and value, with a line of these names first. A
// null key and a tombstone are empty fields, an empty key or value is "". Bytes
// that are not UTF-8 are base64 with "base64:" in front.
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
		c.cell = append(appendHeaderList(append(c.cell[:0], '['), r), ']')
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
	for {
		part, rest, more := bytes.Cut(text, []byte(`"`))
		dst = append(dst, part...)
		if !more {
			return append(dst, '"')
		}
		dst, text = append(dst, `""`...), rest
	}
}
