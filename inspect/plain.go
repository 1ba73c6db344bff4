package inspect

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"inv/internal/jsonscan"
	"inv/internal/termsafe"
	"inv/internal/theme"
)

// What a value is shown at most of: a line that nobody can read helps nobody.
const maxShown = 16 << 10

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

// width is the columns that text takes, without the theme's escapes in it.
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
	if isBinary(shown) {
		dst, _ = appendBinary(dst, shown)
	} else {
		dst = p.safe(dst, shown)
	}
	return append(dst, p.theme.Reset...)
}

func (p *Pretty) dim(dst []byte, text string) []byte {
	return append(append(append(dst, p.theme.Dim...), text...), p.theme.Reset...)
}

// note appends a remark on data that is not as it should be.
func (p *Pretty) note(dst []byte, text string) []byte {
	dst = append(append(dst, ' ', ' '), p.theme.Hostile...)
	return append(append(dst, text...), p.theme.Reset...)
}

// appendValue appends a whole value within room columns (0: all of it): JSON
// in colour, text and XML as they are, other bytes as a number or in hex.
func (p *Pretty) appendValue(dst, value []byte, room int) []byte {
	switch {
	case value == nil:
		return p.dim(dst, "tombstone")
	case len(value) == 0:
		return p.dim(dst, "empty")
	}
	limit := maxShown
	if room > 0 {
		limit = min(limit, max(4*room, 64)) // more can't be seen
	}
	if len(value) <= limit {
		if flags, ok := jsonscan.Valid(value); ok {
			p.text = jsonscan.AppendSafe(p.text[:0], value, flags)
			if room == 0 || termsafe.Width(p.text) <= room {
				return AppendColored(dst, p.text, p.theme)
			}
			return append(dst, termsafe.Cut(p.text, room)...)
		}
	}
	shown, what := value[:min(len(value), limit)], ""
	if isBinary(wholeRunes(shown, value)) {
		p.text, what = appendBinary(p.text[:0], shown)
	} else {
		p.text = p.safe(p.text[:0], shown)
	}
	switch {
	case room > 0 && termsafe.Width(p.text) > room:
		dst = append(dst, termsafe.Cut(p.text, room)...)
	case len(shown) < len(value):
		dst = append(append(dst, p.text...), "…"...)
		what = strconv.Itoa(len(value)) + " bytes in all"
	default:
		dst = append(dst, p.text...)
	}
	if what != "" {
		dst = p.dim(append(dst, ' '), "("+what+")")
	}
	return dst
}

// wholeRunes is shown, the beginning of value, without a character that was cut
// in two: that does not make text binary.
func wholeRunes(shown, value []byte) []byte {
	if len(shown) == len(value) {
		return shown
	}
	for i := 1; i <= min(utf8.UTFMax, len(shown)); i++ {
		if utf8.RuneStart(shown[len(shown)-i]) {
			return shown[:len(shown)-i]
		}
	}
	return shown
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
			dst = p.note(dst, "fault: "+termsafe.String(string(fault)))
		}
	}
	if bytes.Contains(raw, reasonHeader) {
		if reason, ok := r.Header(string(reasonHeader)); ok {
			text := termsafe.String(string(reason))
			if message, ok := r.Header("dlq-message"); ok {
				text += ": " + termsafe.String(string(message))
			}
			dst = p.note(dst, text)
		}
	}
	return dst
}

func (p *Pretty) appendHeaders(dst []byte, r *Record) []byte {
	r.EachHeader(func(key, value []byte) bool {
		dst = append(append(dst, ' ', ' '), p.theme.Key...)
		dst = p.safe(dst, key)
		dst = append(append(dst, p.theme.Reset...), '=')
		if value == nil {
			dst = p.dim(dst, "null")
		} else {
			dst = p.safe(dst, value[:min(len(value), maxShown)])
		}
		return true
	})
	return dst
}
