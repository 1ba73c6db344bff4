package inspect

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"inv/internal/jsonscan"
	"inv/internal/termsafe"
	"inv/internal/theme"
)

const (
	maxDetail = 256 << 10 // bytes of a value
	maxDump   = 4 << 10   // bytes of a binary value
)

// Detail returns a record as many lines, for a screen of its own: its position, time,
// key, headers, and its value: JSON indented, other text line by line, other bytes as a
// dump. A value above 256 KiB is cut; rest then returns the last line.
func Detail(r *Record, t *theme.Theme, location *time.Location, rest func(*Record) string) []string {
	name := func(text string) string { return t.Dim + fmt.Sprintf("%-8s", text) + t.Reset }
	at := "none"
	switch {
	case r.Timestamp == noTime:
	case r.Timestamp < minTime || r.Timestamp > maxTime:
		at = strconv.FormatInt(r.Timestamp, 10)
	default:
		at = time.UnixMilli(r.Timestamp).In(location).Format("2006-01-02 15:04:05.000 -07:00")
	}
	if r.LogAppendTime {
		at += ", the broker's"
	}
	lines := []string{
		name("place") + t.Strong + fmt.Sprintf("%s p%d@%d", termsafe.String(r.Topic), r.Partition, r.Offset) + t.Reset,
		name("time") + at,
		name("key") + t.Strong + Text(r.Key) + t.Reset,
	}
	r.EachHeader(func(key, value []byte) bool {
		lines = append(lines, name("header")+t.Key+Text(key)+t.Reset+" = "+Text(value))
		return true
	})
	if r.Undecoded != "" {
		lines = append(lines, name("error")+t.Hostile+short([]byte(r.Undecoded))+t.Reset)
	}
	if r.Value == nil {
		return append(lines, name("value")+"null, a tombstone")
	}
	lines = append(lines, name("value")+fmt.Sprintf("%d bytes", len(r.Value)), "")
	cut := len(r.Value) > maxDetail
	lines = append(lines, detailValue(wholeRunes(r.Value[:min(len(r.Value), maxDetail)], cut), cut, t)...)
	if cut {
		lines = append(lines, "", t.Hostile+rest(r)+t.Reset)
	}
	return lines
}

// Text returns the text of a key or a header, safe for a terminal: null, "" for an
// empty one, and other bytes than text as a number or in hex.
func Text(b []byte) string {
	b = quoted(b, markNull, markEmptyKey)
	shown := b[:min(len(b), maxShown)]
	switch {
	case b == nil:
		return markNull
	case len(b) == 0:
		return markEmptyKey
	case isBinary(wholeRunes(shown, len(shown) < len(b))):
		text, what := appendBinary(nil, shown)
		return string(text) + " (" + what + ")"
	case len(shown) < len(b):
		return termsafe.String(string(shown)) + "… (" + sizeText(len(b)) + ")"
	}
	return termsafe.String(string(b))
}

// detailValue returns the lines of a value, or of its beginning if it is cut.
func detailValue(value []byte, cut bool, t *theme.Theme) (lines []string) {
	if flags, ok := jsonscan.Valid(value); ok && !cut {
		var indented bytes.Buffer
		text := jsonscan.AppendSafe(nil, value, flags)
		if json.Indent(&indented, text, "", "  ") == nil {
			text = indented.Bytes()
		}
		return strings.Split(string(AppendColored(nil, text, t)), "\n")
	}
	if isBinary(value) {
		dump := hex.Dump(value[:min(len(value), maxDump)])
		lines = strings.Split(strings.TrimSuffix(dump, "\n"), "\n")
		if len(value) > maxDump {
			lines = append(lines, "…")
		}
		return lines
	}
	color := colorer(value, cut)
	for line := range bytes.SplitSeq(value, []byte("\n")) {
		line = bytes.ReplaceAll(bytes.TrimSuffix(line, []byte("\r")), []byte("\t"), []byte("    "))
		lines = append(lines, string(color(nil, termsafe.Append(nil, line), t)))
	}
	return lines
}
