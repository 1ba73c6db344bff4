package forward

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// A world is what the loop and Kafka are to a grouper: partitions with records, committed
// offsets with notes, and a receiver that removes duplicates by id. The process can crash
// between any two steps.
type world struct {
	t   *testing.T
	rnd *rand.Rand
	now time.Time

	room, groups int
	limit        int // records of a cut
	partitions   []*worldPartition
	received     map[string]string // content by id
	seen         map[Place]string  // id by record
	sends, again int               // deliveries, and those of them that the receiver had
	letters      map[Place]bool    // written

	// Of the process:
	g       *groups
	cuts    []*Cut  // under way, intent not committed
	intents []*Cut  // committed, not sent
	sent    []*Cut  // sent, not acknowledged
	dead    []Place // whose dead letters are written with the next commit
}

type worldPartition struct {
	topic     string
	partition int32
	log       []*Record
	end       int64 // next offset to be written
	committed int64
	note      string
	// Of the process:
	position   int64
	unfinished map[int64]bool
}

func (p *worldPartition) place(offset int64) Place { return Place{p.topic, p.partition, offset} }

func (p *worldPartition) watermark() int64 {
	w := p.position
	for o := range p.unfinished {
		w = min(w, o)
	}
	return w
}

// refuses reports whether a cut becomes dead letters.
func refuses(c *Cut) bool { return c.ID[0] == '0' || c.ID[0] == '1' }

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{
		t: t, rnd: rand.New(rand.NewPCG(seed, 18)), now: time.Unix(1_800_000_000, 0),
		received: map[string]string{}, seen: map[Place]string{}, letters: map[Place]bool{},
	}
	w.groups = []int{1, 3, 10, 60}[w.rnd.IntN(4)]
	w.room = []int{48, 120, 3500}[w.rnd.IntN(3)]
	w.limit = []int{2, 5, 1000}[w.rnd.IntN(3)]
	for i := range 1 + w.rnd.IntN(4) {
		start := w.rnd.Int64N(1000)
		w.partitions = append(w.partitions, &worldPartition{topic: []string{"a", "b"}[i%2], partition: int32(i / 2), end: start, committed: start})
	}
	w.start()
	return w
}

// start is a process that begins, after a crash or not.
func (w *world) start() {
	w.cuts, w.intents, w.sent, w.dead = nil, nil, nil, nil
	w.g = newGrouper("app-forward-x", 10*time.Second, 30*time.Second, w.room)
	w.g.maxRecords = w.limit
	for _, i := range w.rnd.Perm(len(w.partitions)) {
		p := w.partitions[i]
		p.position, p.unfinished = p.committed, map[int64]bool{}
		if err := w.g.assigned(p.place(p.committed), p.note, w.now); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) write() {
	p := w.partitions[w.rnd.IntN(len(w.partitions))]
	for range 1 + w.rnd.IntN(8) {
		if w.rnd.IntN(4) == 0 {
			p.end += 1 + w.rnd.Int64N(3) // a marker, or compacted away
		}
		at := p.place(p.end)
		p.log = append(p.log, &Record{
			Topic: p.topic, Partition: p.partition, Offset: p.end, At: at,
			Time: w.now.UnixMilli() - w.rnd.Int64N(5000),
			Key:  fmt.Appendf(nil, "g%d", w.rnd.IntN(w.groups)),
		})
		p.end++
	}
}

func (w *world) fetch(most int) {
	p := w.partitions[w.rnd.IntN(len(w.partitions))]
	i, _ := slices.BinarySearchFunc(p.log, p.position, func(r *Record, offset int64) int { return int(r.Offset - offset) })
	for _, r := range p.log[i:min(len(p.log), i+1+w.rnd.IntN(most))] {
		p.position = r.Offset + 1
		switch {
		case r.Offset%7 == 0: // dropped by a condition
		case w.g.read(r, string(r.Key), 100, w.now):
			if _, ok := w.seen[r.At]; !ok {
				w.t.Fatalf("%v is skipped as sent, and was not", r.At)
			}
		default:
			p.unfinished[r.Offset] = true
		}
	}
	w.g.passed(p.place(p.position))
}

func (w *world) cut() {
	c := w.g.cut(w.now)
	if c == nil {
		return
	}
	if len(c.Records) > w.limit {
		w.t.Fatalf("a cut has %d records", len(c.Records))
	}
	w.cuts = append(w.cuts, c)
}

// commit is one request with all partitions.
func (w *world) commit() {
	var at []Place
	for _, p := range w.partitions {
		at = append(at, p.place(p.watermark()))
	}
	for i, note := range w.g.notes(at, w.now) {
		if len(note) > w.room {
			w.t.Fatalf("a note has %d bytes of %d", len(note), w.room)
		}
		w.partitions[i].committed, w.partitions[i].note = at[i].Offset, note
	}
	for _, at := range w.dead {
		if w.letters[at] {
			w.t.Fatalf("%v has two dead letters", at)
		}
		w.letters[at] = true
	}
	w.dead = nil
	w.intents = append(w.intents, w.cuts...)
	w.cuts = nil
}

func (w *world) send() {
	if len(w.intents) == 0 {
		return
	}
	i := w.rnd.IntN(len(w.intents))
	c := w.intents[i]
	w.intents = slices.Delete(w.intents, i, i+1)
	var content strings.Builder
	for _, r := range c.Records {
		fmt.Fprintf(&content, "%v %s\n", r.At, r.Key)
		if string(r.Key) != c.Group {
			w.t.Fatalf("%s has a record of %s", c.Group, r.Key)
		}
	}
	w.sends++
	if had, ok := w.received[c.ID]; ok {
		w.again++
		if had != content.String() {
			w.t.Fatalf("cut %s was\n%sand is\n%s", c.ID, had, content.String())
		}
	} else {
		w.received[c.ID] = content.String()
		for _, r := range c.Records {
			if id, ok := w.seen[r.At]; ok {
				w.t.Fatalf("%v is in the cuts %s and %s", r.At, id, c.ID)
			}
			w.seen[r.At] = c.ID
		}
	}
	w.sent = append(w.sent, c)
}

func (w *world) acknowledge() {
	if len(w.sent) == 0 {
		return
	}
	i := w.rnd.IntN(len(w.sent))
	c := w.sent[i]
	w.sent = slices.Delete(w.sent, i, i+1)
	w.g.delivered(c, w.now)
	for _, r := range c.Records {
		for _, p := range w.partitions {
			if p.topic == r.Topic && p.partition == r.Partition {
				delete(p.unfinished, r.Offset)
				if refuses(c) {
					w.dead = append(w.dead, r.At)
				}
			}
		}
	}
}

// drain delivers all that is left.
func (w *world) drain() {
	w.g.flush()
	for range 100_000 {
		done := true
		for _, p := range w.partitions {
			done = done && p.position >= p.end && len(p.unfinished) == 0 && len(w.dead) == 0
		}
		if done {
			return
		}
		w.fetch(50)
		w.cut()
		w.commit()
		w.send()
		w.acknowledge()
		for _, p := range w.partitions {
			if len(p.log) == 0 || p.position > p.log[len(p.log)-1].Offset {
				p.position = p.end
			}
		}
	}
	w.t.Fatal("not all was delivered")
}

// TestGroupsExactlyOnce crashes a process between any two steps: a receiver that removes
// duplicates by id sees each record once, and one content for each id.
func TestGroupsExactlyOnce(t *testing.T) {
	again := 0
	for seed := range uint64(100) {
		w := newWorld(t, seed)
		crashes := w.rnd.IntN(40)
		for range 600 {
			switch w.rnd.IntN(10) {
			case 0:
				w.write()
			case 1, 2:
				w.fetch(10)
			case 3:
				w.now = w.now.Add(time.Duration(w.rnd.IntN(8)) * time.Second)
			case 4, 5:
				w.cut()
			case 6:
				w.commit()
			case 7:
				w.send()
			case 8:
				w.acknowledge()
			case 9:
				if w.rnd.IntN(1000) < crashes {
					w.start()
				}
			}
		}
		w.start()
		w.drain()
		again += w.again
		written := 0
		for _, p := range w.partitions {
			for _, r := range p.log {
				if r.Offset%7 != 0 {
					written++
					if id := w.seen[r.At]; id == "" || refuses(&Cut{ID: id}) != w.letters[r.At] {
						t.Fatalf("seed %d: %v was in cut %q, letter %v", seed, r.At, id, w.letters[r.At])
					}
				}
			}
		}
		if written != len(w.seen) {
			t.Fatalf("seed %d: %d records were delivered, of %d", seed, len(w.seen), written)
		}
		if len(w.g.byHash) != 0 || len(w.g.byName) != 0 || len(w.g.byCut) != 0 {
			w.commit()
			if len(w.g.byHash) != 0 || len(w.g.byName) != 0 || len(w.g.byCut) != 0 {
				t.Fatalf("seed %d: groups are left: %d, %d, %d", seed, len(w.g.byHash), len(w.g.byName), len(w.g.byCut))
			}
		}
	}
	if again == 0 {
		t.Error("no cut was sent again, so nothing was tested")
	}
}
