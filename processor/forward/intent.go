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
//	uvarint              base, the latest of the times, epoch milliseconds
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
	encoded := make([][]cutNote, len(watermarks))
	for i, w := range watermarks {
		if p := g.parts[partitionKey{w.Topic, w.Partition}]; p != nil {
			encoded[i] = g.cutNotes(p, now)
		}
	}
	g.addQuiet(encoded, now)
	values := make([]string, len(watermarks))
	for i, w := range watermarks {
		values[i] = encodeCuts(encoded[i], w.Offset)
	}
	return values
}

// cutNotes returns the notes of a partition's groups.
func (g *groups) cutNotes(p *part, now time.Time) (notes []cutNote) {
	for o, s := range p.shares {
		n := cutNote{group: o.hash, from: s.from, upto: s.upto, last: g.still(o.last, now)}
		if s.upto <= p.watermark {
			n.from, n.upto = p.watermark, p.watermark
		}
		if n.upto > p.watermark || n.last != 0 {
			notes = append(notes, n)
		}
	}
	slices.SortFunc(notes, func(a, b cutNote) int { return slices.Compare(a.group[:], b.group[:]) })
	return notes
}

// addQuiet adds groups that have nothing to send, as far as there is room, those cut last
// first.
func (g *groups) addQuiet(encoded [][]cutNote, now time.Time) {
	next, i := len(g.quiet.order), 0
	for i < len(encoded) && next > 0 {
		if !hasRoom(len(encoded[i])+1, g.room) {
			i++
			continue
		}
		next--
		q := g.quiet.order[next]
		if last := g.still(q.last, now); last != 0 && g.quiet.last[q.hash] == q.last {
			encoded[i] = append(encoded[i], cutNote{group: q.hash, last: last})
		}
	}
}

// still returns when a group was cut last, or 0 if that doesn't matter any more.
func (g *groups) still(last int64, now time.Time) int64 {
	at := min(max(now.UnixMilli(), 1), 1<<49-1)
	if last <= 0 || last+g.every.Milliseconds() <= at || at-last > maxAge {
		return 0
	}
	return min(last, at)
}

// encodeCuts encodes the note of a partition. The base is the latest time, so that a note
// changes only when something happens.
func encodeCuts(notes []cutNote, offset int64) string {
	if len(notes) == 0 {
		return ""
	}
	var base int64
	for _, n := range notes {
		base = max(base, n.last)
	}
	b := binary.AppendUvarint([]byte{cutsVersion}, uint64(base))
	for _, n := range notes {
		if n.upto == 0 { // a quiet group
			n.from, n.upto = offset, offset
		}
		b = append(b, n.group[:]...)
		b = binary.AppendUvarint(b, uint64(n.from-offset))
		b = binary.AppendUvarint(b, uint64(n.upto-n.from))
		if n.last == 0 {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(b, uint64(base-n.last+1))
	}
	return base64.RawURLEncoding.EncodeToString(b)
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
	d := cutsDecoder{rest: b[1:]}
	var notes []cutNote
	for base := d.number(); len(d.rest) > 0 && !d.failed; {
		var n cutNote
		d.rest = d.rest[copy(n.group[:], d.rest):]
		n.from = offset + d.number()
		n.upto = n.from + d.number()
		if age := d.number(); age > 0 {
			n.last = base - age + 1
		}
		d.failed = d.failed || n.from < offset || n.upto < n.from || n.last < 0
		notes = append(notes, n)
	}
	if d.failed {
		return nil, errCuts
	}
	return notes, nil
}

// cutsDecoder reads numbers.
type cutsDecoder struct {
	rest   []byte
	failed bool
}

func (d *cutsDecoder) number() int64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || n > 1<<61 {
		d.failed = true
		return 0
	}
	d.rest = d.rest[size:]
	return int64(n)
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
