package inspect

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"inv/internal/jsonscan"
	"inv/internal/termsafe"
	"inv/internal/theme"
)

// What Detail shows at most of a value, and of one that is no text.
const (
	maxDetail = 256 << 10
	maxDump   = 4 << 10
)

// Detail returns one record over many lines, for a screen of its own: where it is,
// when and from where, its key, its headers, and its value: JSON indented, text
// and XML line by line, other bytes as a dump. Of a value beyond 256 KiB there
// is the beginning, and the command that shows all of it.
func Detail(r *Record, t *theme.Theme, location *time.Location) []string {
	name := func(text string) string { return t.Dim + fmt.Sprintf("%-8s", text) + t.Reset }
	at := "none"
	if r.Timestamp >= 0 && r.Timestamp < maxTime {
		at = time.UnixMilli(r.Timestamp).In(location).Format("2006-01-02 15:04:05.000 -07:00")
	}
	if r.LogAppendTime {
		at += ", the broker's"
	}
	lines := []string{
		name("place") + t.Strong + fmt.Sprintf("%s p%d@%d", termsafe.String(r.Topic), r.Partition, r.Offset) + t.Reset,
		name("time") + at,
		name("key") + t.Strong + detailText(r.Key) + t.Reset,
	}
	r.EachHeader(func(key, value []byte) bool {
		lines = append(lines, name("header")+t.Key+detailText(key)+t.Reset+" = "+detailText(value))
		return true
	})
	if r.Value == nil {
		return append(lines, name("value")+"null, a tombstone")
	}
	lines = append(lines, name("value")+fmt.Sprintf("%d bytes", len(r.Value)), "")
	cut := len(r.Value) > maxDetail
	lines = append(lines, detailValue(wholeRunes(r.Value[:min(len(r.Value), maxDetail)], cut), cut, t)...)
	if cut {
		lines = append(lines, "", t.Hostile+"The rest: inv tail "+termsafe.String(r.Topic)+
			fmt.Sprintf(" --partition %d --offset %d --expect 1 -o raw", r.Partition, r.Offset)+t.Reset)
	}
	return lines
}

// detailText returns a key's or a header's text.
func detailText(b []byte) string {
	shown := b[:min(len(b), maxShown)]
	switch {
	case b == nil:
		return "null"
	case len(b) == 0:
		return `""`
	case isBinary(wholeRunes(shown, len(shown) < len(b))):
		text, what := appendBinary(nil, shown)
		return string(text) + " (" + what + ")"
	case len(shown) < len(b):
		return termsafe.String(string(shown)) + "… (" + sizeText(len(b)) + ")"
	}
	return termsafe.String(string(b))
}

// detailValue returns the lines of a value, or of its beginning.
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
	paint := appendUncolored
	switch {
	case isXML(value):
		paint = appendXML
	case cut && isJSONish(value):
		paint = AppendColored
	}
	for _, line := range bytes.Split(value, []byte("\n")) {
		line = bytes.ReplaceAll(bytes.TrimSuffix(line, []byte("\r")), []byte("\t"), []byte("    "))
		lines = append(lines, string(paint(nil, termsafe.Append(nil, line), t)))
	}
	return lines
}
