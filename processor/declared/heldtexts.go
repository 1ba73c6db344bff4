package declared

import "encoding/binary"

// heldTexts is the memory of the lines that are held. They share chunks, and a chunk is
// used again when all of its lines are dropped and recycle is called.
type heldTexts struct {
	chunks []heldChunk
	open   int     // the chunk that is being filled, if there are any
	spare  []int32 // chunks without lines, of heldChunkBytes
	gone   []int32 // chunks without memory
}

type heldChunk struct {
	text  []byte
	lines int // in it, that are not dropped
	idle  bool
}

const (
	heldChunkBytes = 64 << 10 // smaller lines share a chunk
	spareChunks    = 64       // without lines that are kept
)

// add copies a line, which is not parsed again when it is released.
func (t *heldTexts) add(l *Line, source int, record, transaction uint32) heldPlace {
	at := t.room(heldSize(l))
	c := &t.chunks[at]
	p := heldPlace{l.Time, int32(at), int32(len(c.text))}
	c.text = appendHeld(c.text, l, source, record, transaction)
	c.lines++
	return p
}

// of returns a line, which is valid until recycle after it was dropped.
func (t *heldTexts) of(p heldPlace) heldText { return t.chunks[p.chunk].text[p.start:] }

// drop lets go of a line.
func (t *heldTexts) drop(p heldPlace) { t.chunks[p.chunk].lines-- }

// room returns the open chunk, which has room for a line of a size.
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

// recycle finds the chunks that have no line any more.
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

// heldText is a line and what comes behind it: numbers of fixed size, then the texts. All
// numbers are little-endian.
//
//	 0 offset, 8 timestamp
//	16 source of the clock, 20 index
//	24 number of its log record, 28 number of the transaction that has added it
//	32 lengths + 1 of key, input, joined rows, headers and value; 0: absent
type heldText []byte

const (
	heldLengths = 32
	heldHead    = heldLengths + 5*4
)

// heldSize returns how many bytes appendHeld appends.
func heldSize(l *Line) int {
	return heldHead + len(l.Key) + len(l.Input) + len(l.Rows) + len(l.Headers) + len(l.Value)
}

// appendHeld appends a line but for its time, topic and partition.
func appendHeld(dst []byte, l *Line, source int, record, transaction uint32) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(l.Offset))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(l.Timestamp))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(source))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(l.Index))
	dst = binary.LittleEndian.AppendUint32(dst, record)
	dst = binary.LittleEndian.AppendUint32(dst, transaction)
	texts := [...][]byte{l.Key, l.Input, l.Rows, l.Headers, l.Value}
	for _, text := range texts {
		length := uint32(0)
		if text != nil {
			length = uint32(len(text)) + 1
		}
		dst = binary.LittleEndian.AppendUint32(dst, length)
	}
	for _, text := range texts {
		dst = append(dst, text...)
	}
	return dst
}

func (t heldText) offset() int64 { return int64(binary.LittleEndian.Uint64(t)) }

func (t heldText) source() int { return int(binary.LittleEndian.Uint32(t[16:])) }

func (t heldText) index() int { return int(int32(binary.LittleEndian.Uint32(t[20:]))) }

func (t heldText) record() uint32 { return binary.LittleEndian.Uint32(t[24:]) }

func (t heldText) transaction() uint32 { return binary.LittleEndian.Uint32(t[28:]) }

// parse sets what appendHeld has of a line. Its texts are parts of t.
func (t heldText) parse(l *Line) {
	l.Offset, l.Timestamp, l.Index = t.offset(), int64(binary.LittleEndian.Uint64(t[8:])), t.index()
	lengths, texts := t[heldLengths:], t[heldHead:]
	for _, text := range [...]*[]byte{&l.Key, &l.Input, &l.Rows, &l.Headers, &l.Value} {
		n := binary.LittleEndian.Uint32(lengths)
		if lengths, *text = lengths[4:], nil; n > 0 {
			*text, texts = texts[:n-1:n-1], texts[n-1:]
		}
	}
}
