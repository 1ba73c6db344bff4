package forward

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"time"
)

// noteCuts is the note of a position, see processor's, that says which records beyond the
// offset were sent or are in a cut under way. Its value is base64url, without padding, of
//
//	1                    the version
//	uvarint              base, epoch milliseconds
//	for each group:
//	  8 bytes            hash of the group
//	  uvarint            from, less the offset
//	  uvarint            upto, less from
//	  uvarint            0, or 1 + base - last, when the last cut was
//
// The group's records before from were sent, and those from there to before upto are in
// the cut under way. A group with 0 and 0 has only the time of its last cut.
const noteCuts = "@cuts"

const (
	cutsVersion = 1
	// maxSpan is how far a group may be beyond the offset, so that numbers have a size.
	maxSpan = 1 << 28
	// maxAge is how long ago a cut may be, in milliseconds, to be noted: more than a year.
	maxAge = 1<<35 - 2
	// headSize and entrySize are the most that the note takes before base64.
	headSize  = 1 + 7
	entrySize = len(groupHash{}) + 4 + 4 + 5
)

type groupHash [8]byte

func (n groupName) hash() (h groupHash) {
	sum := hashOf(n.value, n.recipient)
	copy(h[:], sum[:])
	return h
}

// cutNote is a group in a note.
type cutNote struct {
	group      groupHash
	from, upto int64
	last       int64 // epoch milliseconds, 0: not known
}

// hasRoom reports whether a note of any n groups has at most that many bytes.
func hasRoom(n, bytes int) bool {
	return base64.RawURLEncoding.EncodedLen(headSize+n*entrySize) <= bytes
}

// notes returns the values of the note @cuts by partition, given the first unfinished
// offset of each; those that are "" are left out of the metadata. What they say holds only
// together: they are committed in one request, for all partitions, before a cut is sent.
// Notes get no larger than the grouper's room, because groups are cut early before.
func (g *groups) notes(watermarks []Place, now time.Time) []string {
	for _, w := range watermarks {
		if p := g.parts[partitionKey{w.Topic, w.Partition}]; p != nil {
			g.advance(p, w.Offset)
		}
	}
	base := min(max(now.UnixMilli(), 0), 1<<49-1)
	encoded := make([][]byte, len(watermarks))
	for i, w := range watermarks {
		if p := g.parts[partitionKey{w.Topic, w.Partition}]; p != nil {
			encoded[i] = g.encodeCuts(p, base)
		}
	}
	g.encodeQuiet(encoded, base)
	values := make([]string, len(watermarks))
	for i, b := range encoded {
		values[i] = base64.RawURLEncoding.EncodeToString(b)
	}
	return values
}

// encodeCuts returns the note of a partition; nil without groups.
func (g *groups) encodeCuts(p *part, base int64) []byte {
	var notes []cutNote
	for o, s := range p.shares {
		n := cutNote{group: o.hash, from: s.from, upto: s.upto, last: g.still(o.last, base)}
		if s.upto <= p.watermark {
			n.from, n.upto = p.watermark, p.watermark
		}
		if n.upto > p.watermark || n.last != 0 {
			notes = append(notes, n)
		}
	}
	slices.SortFunc(notes, func(a, b cutNote) int { return slices.Compare(a.group[:], b.group[:]) })
	var b []byte
	for _, n := range notes {
		b = appendCut(b, n, p.watermark, base)
	}
	return b
}

// encodeQuiet adds groups that have nothing to send, as far as there is room, those cut
// last first.
func (g *groups) encodeQuiet(encoded [][]byte, base int64) {
	next, i := len(g.quiet.order), 0
	for i < len(encoded) && next > 0 {
		if base64.RawURLEncoding.EncodedLen(max(len(encoded[i]), headSize)+entrySize) > g.room {
			i++
			continue
		}
		next--
		q := g.quiet.order[next]
		if last := g.still(q.last, base); last != 0 && g.quiet.last[q.hash] == q.last {
			encoded[i] = appendCut(encoded[i], cutNote{group: q.hash, last: last}, 0, base)
		}
	}
}

// still returns when a group was cut last, or 0 if that doesn't matter any more.
func (g *groups) still(last, base int64) int64 {
	if last+g.every.Milliseconds() <= base || base-last > maxAge {
		return 0
	}
	return min(last, base)
}

func appendCut(dst []byte, n cutNote, offset, base int64) []byte {
	if len(dst) == 0 {
		dst = binary.AppendUvarint(append(dst, cutsVersion), uint64(base))
	}
	dst = append(dst, n.group[:]...)
	dst = binary.AppendUvarint(dst, uint64(n.from-offset))
	dst = binary.AppendUvarint(dst, uint64(n.upto-n.from))
	if n.last == 0 {
		return append(dst, 0)
	}
	return binary.AppendUvarint(dst, uint64(base-n.last+1))
}

// errCuts means that a note isn't one that this program writes.
var errCuts = errors.New("unknown form of the note " + noteCuts)

// decodeCuts reads the note of a committed offset.
func decodeCuts(value string, offset int64) ([]cutNote, error) {
	if value == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(b) == 0 || b[0] != cutsVersion {
		return nil, errCuts
	}
	b = b[1:]
	number := func() (n int64) {
		u, size := binary.Uvarint(b)
		if size <= 0 || u > 1<<62 {
			err = errCuts
			return 0
		}
		b = b[size:]
		return int64(u)
	}
	var notes []cutNote
	for base := number(); err == nil && len(b) > 0; {
		var n cutNote
		b = b[copy(n.group[:], b):]
		n.from = offset + number()
		n.upto = n.from + number()
		if age := number(); age > 0 {
			n.last = base - age + 1
		}
		if n.upto < offset || n.last < 0 {
			err = errCuts
		}
		notes = append(notes, n)
	}
	return notes, err
}

// cutID returns the id of a group's cut: of the sink, the group, and the cut's first record
// by topic, partition and offset. It follows from the notes alone, so that it stays the
// same when records of the cut are compacted away before it is sent again.
func (g *groups) cutID(o *group) string {
	var first Place
	for p, s := range o.shares {
		if at := (Place{p.topic, p.partition, s.from}); s.from < s.upto && (first.Topic == "" || comparePlaces(at, first) < 0) {
			first = at
		}
	}
	sum := hashOf(g.sink, o.name.value, o.name.recipient, first.String())
	return hex.EncodeToString(sum[:16])
}

func comparePlaces(a, b Place) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
}

// hashOf hashes texts, so that other texts with the same concatenation differ.
func hashOf(texts ...string) [sha256.Size]byte {
	var b []byte
	for _, t := range texts {
		b = append(binary.AppendUvarint(b, uint64(len(t))), t...)
	}
	return sha256.Sum256(b)
}
