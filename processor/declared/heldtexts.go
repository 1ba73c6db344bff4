package declared

// heldTexts is the memory of the texts of lines that are held. Texts share chunks, and a
// chunk is used again when all of its texts are dropped and recycle is called.
type heldTexts struct {
	chunks []heldChunk
	open   int     // the chunk that is being filled, if there are any
	spare  []int32 // chunks without texts, of heldChunkBytes
	gone   []int32 // chunks without memory
}

// heldText is where a text is.
type heldText struct{ chunk, start, end int32 }

type heldChunk struct {
	text  []byte
	lines int // in it, that are not dropped
	idle  bool
}

const (
	heldChunkBytes = 64 << 10 // smaller texts share a chunk
	spareChunks    = 64       // without texts that are kept
)

// add copies a text.
func (t *heldTexts) add(text []byte) heldText {
	at := t.room(len(text))
	c := &t.chunks[at]
	start := len(c.text)
	c.text = append(c.text, text...)
	c.lines++
	return heldText{int32(at), int32(start), int32(len(c.text))}
}

// of returns a text, which is valid until recycle after it was dropped.
func (t *heldTexts) of(h heldText) []byte { return t.chunks[h.chunk].text[h.start:h.end:h.end] }

// drop lets go of a text.
func (t *heldTexts) drop(h heldText) { t.chunks[h.chunk].lines-- }

// room returns the open chunk, which has room for a text.
func (t *heldTexts) room(size int) int {
	if len(t.chunks) > 0 {
		if c := &t.chunks[t.open]; !c.idle && cap(c.text)-len(c.text) >= size {
			return t.open
		}
	}
	switch n := len(t.spare); {
	case n > 0 && size <= heldChunkBytes:
		t.open, t.spare = int(t.spare[n-1]), t.spare[:n-1]
		t.chunks[t.open].idle = false
		return t.open
	case len(t.gone) > 0:
		n = len(t.gone)
		t.open, t.gone = int(t.gone[n-1]), t.gone[:n-1]
	default:
		t.open = len(t.chunks)
		t.chunks = append(t.chunks, heldChunk{})
	}
	t.chunks[t.open] = heldChunk{text: make([]byte, 0, max(size, heldChunkBytes))}
	return t.open
}

// recycle finds the chunks that no text is in any more.
func (t *heldTexts) recycle() {
	for i := range t.chunks {
		c := &t.chunks[i]
		switch {
		case c.lines > 0 || c.idle:
		case cap(c.text) == heldChunkBytes && len(t.spare) < spareChunks:
			c.text, c.idle = c.text[:0], true
			t.spare = append(t.spare, int32(i))
		default:
			c.text, c.idle = nil, true
			t.gone = append(t.gone, int32(i))
		}
	}
}
