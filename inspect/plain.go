package inspect

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"inv/internal/jsonscan"
	"inv/internal/termsafe"
	"inv/internal/theme"
)

// What a value is shown at most of: a line that nobody can read helps nobody.
const maxShown = 16 << 10

// Columns of a value below which a remark on its size is not worth its place.
const minShown = 10

// appendPlain appends the line of a record that has no view, or whose value is
// not what the view is for: place, key, and the value as it is.
func (p *Pretty) appendPlain(dst []byte, l *layout, r *Record, value []byte, used int) []byte {
	dst = append(append(append(dst, p.theme.Dim...), p.tail...), p.theme.Reset...)
	used += len(p.tail) + 2
	dst = append(dst, ' ', ' ')
	keyStart := len(dst)
	dst = p.appendKey(dst, r.Key)
	used += p.width(dst[keyStart:])
	dst = append(dst, ' ', ' ')
	p.notes = p.appendNotes(p.notes[:0], r)
	if l.view != nil && len(value) > 0 {
		p.notes = p.note(p.notes, "not a JSON object")
	}
	room := 0
	if p.options.Width > 0 {
		room = max(p.options.Width-used-2-p.width(p.notes), 1)
	}
	dst = p.appendValue(dst, value, room)
	return append(dst, p.notes...)
}

// finish cuts the line that begins at start to the terminal's width, and
// appends what may be wider, the headers that were asked for, and its end.
func (p *Pretty) finish(dst []byte, start int, r *Record) []byte {
	if w := p.options.Width; w > 0 && p.width(dst[start:]) > w {
		dst = append(dst[:start], p.cut(dst[start:], w)...)
	}
	if p.options.Headers {
		dst = p.appendHeaders(dst, r)
	}
	return append(dst, '\n')
}

// cut is termsafe.Cut for text with the theme's escapes in it: they stay.
func (p *Pretty) cut(line []byte, columns int) []byte {
	var out []byte
	left := columns - 1 // for the ellipsis
	for i := 0; i < len(line); {
		if end := escapeEnd(line, i); end > i {
			out = append(out, line[i:end]...)
			i = end
			continue
		}
		next := bytes.IndexByte(line[i:], 0x1b)
		if next < 0 {
			next = len(line) - i
		}
		text := line[i : i+next]
		if w := termsafe.Width(text); w > left {
			out = append(out, termsafe.Cut(text, left+1)...)
			return append(out, p.theme.Reset...)
		} else {
			left -= w
		}
		out = append(out, text...)
		i += next
	}
	return out
}

// width returns the columns that text takes, without the theme's escapes in it.
func (p *Pretty) width(text []byte) int {
	if !p.theme.Enabled() || bytes.IndexByte(text, 0x1b) < 0 {
		return termsafe.Width(text)
	}
	plain := p.scratch[:0]
	for i := 0; i < len(text); {
		if end := escapeEnd(text, i); end > i {
			i = end
			continue
		}
		next := bytes.IndexByte(text[i:], 0x1b)
		if next < 0 {
			next = len(text) - i
		}
		plain = append(plain, text[i:i+next]...)
		i += next
	}
	p.scratch = plain
	return termsafe.Width(plain)
}

func (p *Pretty) appendKey(dst, key []byte) []byte {
	switch {
	case key == nil:
		return p.dim(dst, "null")
	case len(key) == 0:
		return p.dim(dst, `""`)
	}
	shown := key[:min(len(key), maxShown)]
	dst = append(dst, p.theme.Strong...)
	if isBinary(wholeRunes(shown, len(shown) < len(key))) {
		var what string
		if dst, what = appendBinary(dst, shown); strings.HasPrefix(what, schemaWord) {
			dst = append(append(append(dst, " ("...), what...), ')') // which stands for its first bytes
		}
	} else {
		dst = p.safe(dst, shown)
	}
	return p.ellipsis(append(dst, p.theme.Reset...), shown, key)
}

// ellipsis marks what was cut.
func (p *Pretty) ellipsis(dst, shown, whole []byte) []byte {
	if len(shown) == len(whole) {
		return dst
	}
	return p.dim(dst, "… ("+sizeText(len(whole))+")")
}

func (p *Pretty) dim(dst []byte, text string) []byte {
	return append(append(append(dst, p.theme.Dim...), text...), p.theme.Reset...)
}

// note appends a remark on data that is not as it should be.
func (p *Pretty) note(dst []byte, text string) []byte {
	dst = append(append(dst, ' ', ' '), p.theme.Hostile...)
	return append(append(dst, text...), p.theme.Reset...)
}

// appendValue appends a value within room columns (0: up to maxShown bytes of
// it): JSON and XML in colour, text as it is, other bytes as a number or in hex.
func (p *Pretty) appendValue(dst, value []byte, room int) []byte {
	switch {
	case value == nil:
		return p.dim(dst, "tombstone")
	case len(value) == 0:
		return p.dim(dst, "empty")
	}
	note := ""
	if len(value) > maxShown {
		note = "(" + sizeText(len(value)) + ", whole with -o raw)"
		if room > 0 && room <= len(note)+minShown {
			note = ""
		} else if room > 0 {
			room -= len(note) + 1
		}
	}
	shown, paint := value[:min(len(value), maxShown)], appendUncolored
	if flags, ok := jsonscan.Valid(shown); ok {
		p.text, paint = jsonscan.AppendSafe(p.text[:0], shown, flags), AppendColored
	} else if isBinary(wholeRunes(shown, len(shown) < len(value))) {
		what := ""
		if p.text, what = appendBinary(p.text[:0], shown); note == "" {
			note = "(" + what + ")"
			if room > 0 && termsafe.Width(p.text) > room {
				note = ""
			}
		}
	} else {
		p.text = p.safe(p.text[:0], shown)
		switch {
		case isXML(shown):
			paint = appendXML
		case len(shown) < len(value) && isJSONish(shown):
			paint = AppendColored
		}
	}
	text := p.text
	switch {
	case room > 0 && termsafe.Width(text) > room:
		text = termsafe.Cut(text, room)
	case len(shown) < len(value):
		text = append(text, "…"...)
	}
	dst = paint(dst, text, p.theme)
	if note != "" {
		dst = p.dim(append(dst, ' '), note)
	}
	return dst
}

func appendUncolored(dst, text []byte, _ *theme.Theme) []byte { return append(dst, text...) }

// isJSONish reports whether text begins as a JSON object or list does.
func isJSONish(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) > 0 && (b[0] == '{' || b[0] == '[')
}

// sizeText returns a number of bytes as a person reads it.
func sizeText(n int) string {
	if n < 1<<20 {
		return strconv.Itoa(n>>10) + " KiB"
	}
	return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MiB"
}

// wholeRunes returns the beginning of text without a character that was cut in two:
// that does not make text binary.
func wholeRunes(b []byte, cut bool) []byte {
	for i := 1; cut && i <= min(utf8.UTFMax, len(b)); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			return b[:len(b)-i]
		}
	}
	return b
}

// AppendColored appends well-formed, safe JSON with the theme's colours.
func AppendColored(dst, text []byte, t *theme.Theme) []byte {
	if !t.Enabled() {
		return append(dst, text...)
	}
	for i := 0; i < len(text); {
		start, color := i, ""
		switch c := text[i]; {
		case c == '"':
			i = stringEnd(text, i)
			if color = t.Text; i < len(text) && text[i] == ':' {
				color = t.Key
			}
		case c == '-' || c >= '0' && c <= '9':
			color = t.Number
			for i < len(text) && text[i] != ',' && text[i] != '}' && text[i] != ']' && text[i] > ' ' {
				i++
			}
		case c == 't' || c == 'f' || c == 'n':
			color = t.Word
			for i < len(text) && text[i] >= 'a' && text[i] <= 'z' {
				i++
			}
		default:
			dst = append(dst, c)
			i++
			continue
		}
		dst = append(append(append(dst, color...), text[start:i]...), t.Reset...)
	}
	return dst
}

func stringEnd(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

var (
	faultHeader  = []byte("inv-fault")
	reasonHeader = []byte("dlq-reason")
)

// appendNotes appends the fault that a producer put in on purpose and why a
// record was dead-lettered. Most records have neither, which their bytes say.
func (p *Pretty) appendNotes(dst []byte, r *Record) []byte {
	if r.HeaderCount == 0 {
		return dst
	}
	raw := r.RawHeaders()
	if bytes.Contains(raw, faultHeader) {
		if fault, ok := r.Header(string(faultHeader)); ok {
			dst = p.note(dst, "fault: "+short(fault))
		}
	}
	if bytes.Contains(raw, reasonHeader) {
		if reason, ok := r.Header(string(reasonHeader)); ok {
			text := short(reason)
			if message, ok := r.Header("dlq-message"); ok {
				text += ": " + short(message)
			}
			dst = p.note(dst, text)
		}
	}
	return dst
}

// short returns a text for a note.
func short(b []byte) string {
	const enough = 1 << 10
	return termsafe.String(string(b[:min(len(b), enough)]))
}

func (p *Pretty) appendHeaders(dst []byte, r *Record) []byte {
	r.EachHeader(func(key, value []byte) bool {
		dst = append(append(dst, ' ', ' '), p.theme.Key...)
		dst = p.safe(dst, key)
		dst = append(append(dst, p.theme.Reset...), '=')
		if value == nil {
			dst = p.dim(dst, "null")
		} else {
			shown := value[:min(len(value), maxShown)]
			dst = p.ellipsis(p.safe(dst, shown), shown, value)
		}
		return true
	})
	return dst
}
