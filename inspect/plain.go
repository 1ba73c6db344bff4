package inspect

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"inv/internal/jsonscan"
	"inv/internal/termsafe"
	"inv/internal/theme"
)

const (
	maxShown = 16 << 10 // bytes of a value on a line
	minShown = 10       // columns of a value before a note on its size
)

// appendPlain appends the position, key and value of a record that has no view, or
// whose value is not what the view is for.
func (p *Pretty) appendPlain(dst []byte, l *layout, r *Record, value []byte, used int) []byte {
	dst = append(paint(dst, p.tail, p.theme.Dim, p.theme), "  "...)
	keyStart := len(dst)
	dst = p.appendKey(dst, r.Key)
	used += len(p.tail) + 2 + p.width(dst[keyStart:])
	dst = append(dst, "  "...)
	p.notes = p.appendNotes(p.notes[:0], r)
	if l.view != nil && len(value) > 0 && r.Undecoded == "" {
		p.notes = p.note(p.notes, "not a JSON object")
	}
	room := 0
	if p.options.Width > 0 {
		room = max(p.options.Width-used-2-p.width(p.notes), 1)
	}
	dst = p.appendValue(dst, value, room)
	return append(dst, p.notes...)
}

// finish cuts the line that begins at start to the terminal's width, and appends the
// headers, which may be wider, and a newline.
func (p *Pretty) finish(dst []byte, start int, r *Record) []byte {
	if w := p.options.Width; w > 0 && p.width(dst[start:]) > w {
		dst = append(dst[:start], p.cut(dst[start:], w)...)
	}
	if p.options.Headers {
		dst = p.appendHeaders(dst, r)
	}
	return append(dst, '\n')
}

// cut is termsafe.Cut for text with colours.
func (p *Pretty) cut(line []byte, columns int) []byte {
	var out []byte
	left := columns - 1 // for the ellipsis
	for piece, escape := range theme.Pieces(line) {
		width := 0
		if !escape {
			width = termsafe.Width(piece)
		}
		if width > left {
			return append(append(out, termsafe.Cut(piece, left+1)...), p.theme.Reset...)
		}
		out, left = append(out, piece...), left-width
	}
	return out
}

// width is termsafe.Width for text with colours.
func (p *Pretty) width(text []byte) (columns int) {
	if !p.theme.Enabled() {
		return termsafe.Width(text)
	}
	for piece, escape := range theme.Pieces(text) {
		if !escape {
			columns += termsafe.Width(piece)
		}
	}
	return columns
}

func (p *Pretty) appendKey(dst, key []byte) []byte {
	switch {
	case key == nil:
		return p.dim(dst, markNull)
	case len(key) == 0:
		return p.dim(dst, markEmptyKey)
	}
	whole := quoted(key, markNull, markEmptyKey)
	shown := whole[:min(len(whole), maxShown)]
	dst = append(dst, p.theme.Strong...)
	if !p.options.TextKeys && isBinary(wholeRunes(shown, len(shown) < len(whole))) {
		dst = appendBinaryKey(dst, shown)
	} else {
		dst = p.safe(dst, shown)
	}
	return p.ellipsis(append(dst, p.theme.Reset...), shown, whole)
}

// ellipsis appends the size of a text that is not shown whole.
func (p *Pretty) ellipsis(dst, shown, whole []byte) []byte {
	if len(shown) == len(whole) {
		return dst
	}
	return p.dim(dst, "… ("+sizeText(len(whole))+")")
}

// paint appends text in a colour.
func paint[T string | []byte](dst []byte, text T, color string, t *theme.Theme) []byte {
	return append(append(append(dst, color...), text...), t.Reset...)
}

func (p *Pretty) dim(dst []byte, text string) []byte { return paint(dst, text, p.theme.Dim, p.theme) }

// note appends a note on suspicious data.
func (p *Pretty) note(dst []byte, text string) []byte {
	return paint(append(dst, "  "...), text, p.theme.Hostile, p.theme)
}

// appendValue appends a value within room columns (0: up to maxShown bytes): JSON and
// XML in colour, other text uncoloured, other bytes as a number or in hex.
func (p *Pretty) appendValue(dst, value []byte, room int) []byte {
	switch {
	case value == nil:
		return p.dim(dst, markTombstone)
	case len(value) == 0:
		return p.dim(dst, markEmpty)
	}
	value = quoted(value, markTombstone, markEmpty)
	note := ""
	if len(value) > maxShown {
		note = "(" + sizeText(len(value)) + p.options.Cut + ")"
		if room > 0 && room <= len(note)+minShown {
			note = ""
		} else if room > 0 {
			room -= len(note) + 1
		}
	}
	shown := value[:min(len(value), maxShown)]
	cut, color := len(shown) < len(value), appendUncolored
	if flags, ok := jsonscan.Valid(shown); ok {
		p.text, color = jsonscan.AppendSafe(p.text[:0], shown, flags), AppendColored
	} else if isBinary(wholeRunes(shown, cut)) {
		what := ""
		if p.text, what = appendBinary(p.text[:0], shown); note == "" && (room == 0 || termsafe.Width(p.text) <= room) {
			note = "(" + what + ")"
		}
	} else {
		p.text, color = p.safe(p.text[:0], shown), colorer(shown, cut)
	}
	text := p.text
	switch {
	case room > 0 && termsafe.Width(text) > room:
		text = termsafe.Cut(text, room)
	case cut:
		text = append(text, "…"...)
	}
	dst = color(dst, text, p.theme)
	if note != "" {
		dst = p.dim(append(dst, ' '), note)
	}
	return dst
}

func appendUncolored(dst, text []byte, _ *theme.Theme) []byte { return append(dst, text...) }

// colorer returns the function that colours text that is not a JSON value: XML, or the
// beginning of a JSON object or array that was cut.
func colorer(text []byte, cut bool) func(dst, text []byte, _ *theme.Theme) []byte {
	if isXML(text) {
		return appendXML
	}
	if text = bytes.TrimLeft(jsonscan.TrimMark(text), " \t\r\n"); cut && len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		return AppendColored
	}
	return appendUncolored
}

// sizeText returns a number of bytes for people.
func sizeText(n int) string {
	if n < 1<<20 {
		return strconv.Itoa(n>>10) + " KiB"
	}
	return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MiB"
}

// wholeRunes returns b without a last character that may have been cut in two, which
// does not make text binary.
func wholeRunes(b []byte, cut bool) []byte {
	for i := 1; cut && i <= min(utf8.UTFMax, len(b)); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			return b[:len(b)-i]
		}
	}
	return b
}

// AppendColored appends well-formed, safe JSON in the theme's colours.
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

const (
	faultHeader  = "inv-fault"
	reasonHeader = "dlq-reason"
)

// The headers as on the wire, behind their lengths: a search that begins with a rare
// byte is fast.
var (
	rawFault  = []byte("\x12" + faultHeader)
	rawReason = []byte("\x14" + reasonHeader)
)

// appendNotes appends the fault that a producer injected, and why a record was
// dead-lettered, or why it could not be decoded. A look at the raw headers rules the first
// two out for most records.
func (p *Pretty) appendNotes(dst []byte, r *Record) []byte {
	dead := false
	if r.HeaderCount > 0 {
		dst, dead = p.appendHeaderNotes(dst, r)
	}
	if r.Undecoded != "" && !dead { // which would say it twice
		dst = p.note(dst, short([]byte(r.Undecoded)))
	}
	return dst
}

func (p *Pretty) appendHeaderNotes(dst []byte, r *Record) (notes []byte, dead bool) {
	raw := r.RawHeaders()
	if bytes.Contains(raw, rawFault) {
		if fault, ok := r.Header(faultHeader); ok {
			dst = p.note(dst, "fault: "+short(fault))
		}
	}
	if bytes.Contains(raw, rawReason) {
		if reason, ok := r.Header(reasonHeader); ok {
			text := short(reason)
			if message, ok := r.Header("dlq-message"); ok {
				text += ": " + short(message)
			}
			dst, dead = p.note(dst, text), true
		}
	}
	return dst, dead
}

// short returns the beginning of a text, for a note.
func short(b []byte) string {
	return termsafe.String(string(b[:min(len(b), 1<<10)]))
}

func (p *Pretty) appendHeaders(dst []byte, r *Record) []byte {
	r.EachHeader(func(key, value []byte) bool {
		dst = append(append(dst, "  "...), p.theme.Key...)
		dst = p.safe(dst, key)
		dst = append(append(dst, p.theme.Reset...), '=')
		if value == nil {
			dst = p.dim(dst, markNull)
		} else {
			value = quoted(value, markNull)
			shown := value[:min(len(value), maxShown)]
			dst = p.ellipsis(p.safe(dst, shown), shown, value)
		}
		return true
	})
	return dst
}
