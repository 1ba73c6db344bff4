package inspect

import (
	"bytes"
	"encoding/base64"
	"strconv"
)

// CSV renders records as CSV (RFC 4180, with lines that end in LF): topic, partition,
// offset, timestamp (epoch ms), key, headers (JSON) and value, then how key and value
// are encoded. Text is exact, line breaks included, and its encoding is empty. A null
// key and a tombstone have the encoding "null". Bytes that are not text have "base64".
//
// A cell that begins with =, +, -, @ or a tab is no exception: an apostrophe before it
// would be another value.
type CSV struct {
	Safe bool // for a terminal: all that it would act on is made visible, but newlines

	cell []byte
}

// Header appends the line with the columns' names.
func (c *CSV) Header(dst []byte) []byte {
	return append(dst, "topic,partition,offset,timestamp,key,headers,value,key_encoding,value_encoding\n"...)
}

// Append appends the record's line.
func (c *CSV) Append(dst []byte, r *Record) []byte {
	dst = append(appendTopic(dst, r.Topic), ',')
	dst = append(strconv.AppendInt(dst, int64(r.Partition), 10), ',')
	dst = append(strconv.AppendInt(dst, r.Offset, 10), ',')
	dst = append(strconv.AppendInt(dst, r.Timestamp, 10), ',')
	dst = append(c.text(dst, r.Key), ',')
	if r.HeaderCount > 0 {
		c.cell = appendHeaderList(emptied(c.cell), r)
		dst = quoteCSV(dst, c.cell)
	}
	dst = append(c.text(append(dst, ','), r.Value), ',')
	dst = append(append(dst, csvEncoding(r.Key)...), ',')
	return append(append(dst, csvEncoding(r.Value)...), '\n')
}

func (c *CSV) text(dst, b []byte) []byte {
	switch csvEncoding(b) {
	case "null":
		return dst
	case "base64":
		return base64.StdEncoding.AppendEncode(dst, b)
	}
	if c.Safe {
		c.cell = appendSafeLines(reserve(emptied(c.cell), len(b)), b)
		b = c.cell
	}
	return quoteCSV(reserve(dst, len(b)), b)
}

func csvEncoding(b []byte) string {
	switch {
	case b == nil:
		return "null"
	case isBinary(b):
		return "base64"
	}
	return ""
}

// quoteCSV appends a cell, in quotes if it needs them.
func quoteCSV(dst, text []byte) []byte {
	if len(text) > 0 && !bytes.ContainsAny(text, "\",\r\n") && text[0] != ' ' && text[len(text)-1] != ' ' {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for part := range bytes.SplitAfterSeq(text, []byte(`"`)) {
		dst = append(append(dst, part...), '"') // doubles the quote, or ends the cell
	}
	return dst
}
