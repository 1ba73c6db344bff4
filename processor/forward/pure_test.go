package forward

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Whatever the order of acknowledgements, the watermark is the first offset that is not
// finished, and each dead letter is written with it once.
func TestWatermark(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		tr := newTracker(100)
		finished := map[int64]bool{}
		var open, offsets, written []int64
		next, unfinished := int64(100), 0
		check := func() {
			letters, at := tr.dead(1 + random.IntN(3))
			want := next
			for _, o := range offsets {
				if !finished[o] {
					want = o
					break
				}
			}
			if at > want || len(letters) == 0 && at != want {
				t.Fatalf("seed %d: watermark %d, want %d", seed, at, want)
			}
			if (len(letters) > 0) != tr.letterWaits() {
				// A letter may wait behind finished records without one, which are passed first.
				t.Fatalf("seed %d: %d letters, but waits: %v", seed, len(letters), tr.letterWaits())
			}
			if random.IntN(2) == 0 {
				for _, l := range letters {
					written = append(written, l.Offset)
				}
				tr.written(at)
			}
		}
		letters := 0
		for range 400 {
			switch {
			case random.IntN(2) == 0:
				next += int64(random.IntN(3)) // a gap
				tr.read(next, 10)
				offsets, open = append(offsets, next), append(open, next)
				next++
			case random.IntN(10) == 0:
				next += 2
				tr.passed(next)
			case len(open) > 0:
				i := random.IntN(len(open))
				o := open[i]
				open = slices.Delete(open, i, i+1)
				finished[o] = true
				if random.IntN(5) == 0 {
					letters++
					tr.finish(o, &kgo.Record{Offset: o})
				} else {
					tr.finish(o)
				}
				tr.finish(o) // again, which is ignored
			}
			check()
		}
		for _, o := range open {
			finished[o] = true
			tr.finish(o)
		}
		for range letters + 1 {
			check()
			l, at := tr.dead(1000)
			for _, r := range l {
				written = append(written, r.Offset)
			}
			tr.written(at)
		}
		if !slices.IsSorted(written) || len(slices.Compact(written)) != letters || tr.unfinished() != unfinished || tr.bytes != 0 || tr.open != 0 {
			t.Fatalf("seed %d: %d letters written of %d, %+v", seed, len(written), letters, tr)
		}
	}
}

// A partition whose watermark stands still waits, and the others go on; memory is bounded.
func TestPausing(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 9))
		p := pausing{bound: load{1000, 1 << 30}}
		parts := 2 + random.IntN(10)
		stuck := random.IntN(parts) // so many
		unfinished, paused, got := make([]int, parts), make([]bool, parts), make([]int, parts)
		now := time.Unix(1_800_000_000, 0)
		for range 20_000 {
			now = now.Add(10 * time.Millisecond)
			all, flowing := 0, load{}
			for i, n := range unfinished {
				if all += n; !paused[i] {
					flowing.records += n
				}
			}
			reads := p.reads(flowing, now)
			for i, n := range unfinished {
				switch {
				case !paused[i] && p.pause(load{records: n}, parts, slices.Contains(paused, true), now):
					paused[i] = true
				case paused[i] && p.resume(load{records: n}, parts):
					paused[i] = false
				}
				if i >= stuck {
					unfinished[i] = max(n-random.IntN(20), 0) // these get on
				}
			}
			if i := random.IntN(parts); reads && !paused[i] { // a poll
				unfinished[i] += 20
				got[i] += 20
			}
			if all > 1000+20*(parts+1) { // a poll each is beyond it
				t.Fatalf("seed %d: %d are unfinished", seed, all)
			}
		}
		for i, n := range got {
			if i >= stuck && n < 10_000 {
				t.Errorf("seed %d: %d of %d are stuck, and partition %d got %d records", seed, stuck, parts, i, n)
			}
		}
	}
	p := pausing{bound: load{1000, 1 << 20}}
	if p.reads(load{1, 1 << 19}, time.Unix(1, 0)) || !p.reads(load{1, 1<<19 - 1}, time.Unix(1, 0)) {
		t.Error("bytes don't count")
	}
}

func TestLimit(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 2))
		l := newLimiter(Limit{Count: 1 + random.IntN(20), Per: time.Minute})
		now := time.Unix(1_800_000_000, 0)
		var begun []time.Time
		for range 500 {
			now = now.Add(time.Duration(random.Int64N(int64(5 * time.Second))))
			if at := l.next(now); at.After(now) {
				if random.IntN(2) == 0 {
					continue
				}
				now = at
			}
			l.begin(now)
			begun = append(begun, now)
		}
		for i := l.limit.Count; i < len(begun); i++ {
			if d := begun[i].Sub(begun[i-l.limit.Count]); d < time.Minute {
				t.Fatalf("seed %d: %d tries within %s", seed, l.limit.Count+1, d)
			}
		}
		if want := int(now.Sub(begun[0])/time.Minute) * l.limit.Count / 2; len(begun) < min(want, 500) {
			t.Errorf("seed %d: only %d tries", seed, len(begun))
		}
	}
	now := time.Unix(1_800_000_000, 0)
	l := newLimiter(Limit{Count: 1, Per: time.Minute})
	l.begin(now)
	for _, back := range []time.Duration{time.Hour, 24 * time.Hour} { // the clock is set back
		now = now.Add(-back)
		if at := l.next(now); at.Sub(now) != time.Minute {
			t.Errorf("set back by %s it waits for %s", back, at.Sub(now))
		}
	}
	if at := newLimiter(Limit{}).next(now); !at.Equal(now) {
		t.Error("no limit limits")
	}
}

func TestPauses(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		1: 250 * time.Millisecond, 2: 500 * time.Millisecond, 3: time.Second, 7: 16 * time.Second, 8: 30 * time.Second, 1000: 30 * time.Second,
	} {
		if got := pauseAfter(errors.New("x"), failures, 1); got != want {
			t.Errorf("after %d failures up to %s, want %s", failures, got, want)
		}
		if got := pauseAfter(errors.New("x"), failures, 0); got != 0 {
			t.Errorf("after %d failures at least %s", failures, got)
		}
	}
	late := fmt.Errorf("429: %w", &RetryError{After: time.Hour, Err: errors.New("slow down")})
	if got := pauseAfter(late, 1, 0.5); got != time.Hour {
		t.Errorf("Retry-After of an hour: %s", got)
	}
}

// receiver plays a receiver for a dispatcher, on a clock of its own.
type receiver struct {
	d       *dispatcher
	random  *rand.Rand
	now     time.Time
	flying  []*try
	tries   int
	most    int // under way
	done    map[string]bool
	dead    map[string]string // reason
	order   map[string][]int64
	respond func(lane string, offset int64) error
}

func newReceiver(seed uint64, lanes int, respond func(lane string, offset int64) error) *receiver {
	random := rand.New(rand.NewPCG(seed, 3))
	return &receiver{
		d: newDispatcher(lanes, Limit{}, random.Float64), random: random, now: time.Unix(1_800_000_000, 0),
		done: map[string]bool{}, dead: map[string]string{}, order: map[string][]int64{}, respond: respond,
	}
}

// add gives a lane n records.
func (w *receiver) add(lane string, n int) {
	for i := range n {
		r := &Record{Topic: "t", Offset: int64(i), Key: []byte(lane)}
		w.d.add(&Cut{Records: []*Record{r}}, laneKey{nil, lane})
	}
}

// run lets time pass.
func (w *receiver) run(t *testing.T, d time.Duration) {
	t.Helper()
	end := w.now.Add(d)
	for w.now.Before(end) {
		for try := w.d.next(w.now); try != nil; try = w.d.next(w.now) {
			w.flying = append(w.flying, try)
			w.tries++
			w.most = max(w.most, len(w.flying))
		}
		if len(w.flying) == 0 {
			at := w.d.wake(w.now)
			if at.IsZero() || at.After(end) {
				w.now = end
				return
			}
			if at.After(w.now) {
				w.now = at
				continue
			}
			t.Fatal("it says that there is something to try, but there is not")
		}
		i := w.random.IntN(len(w.flying))
		try := w.flying[i]
		w.flying = slices.Delete(w.flying, i, i+1)
		w.now = w.now.Add(time.Duration(w.random.IntN(5)) * time.Millisecond)
		r := try.job.cut.Records[0]
		lane := string(r.Key)
		err := w.respond(lane, r.Offset)
		finished, stop := w.d.done(try, err, w.now)
		if stop != nil {
			t.Fatal(stop)
		}
		if finished != nil {
			w.order[lane] = append(w.order[lane], r.Offset)
			if len(finished.refusals) > 0 {
				w.dead[fmt.Sprint(lane, r.Offset)] = finished.refusals[0].reason
			} else {
				w.done[fmt.Sprint(lane, r.Offset)] = true
			}
		}
	}
}

// In an outage of ten minutes nothing becomes a dead letter, the receiver is not flooded,
// and after it all goes on.
func TestOutage(t *testing.T) {
	away := true
	w := newReceiver(1, 64, func(string, int64) error {
		if away {
			return errors.New("connection refused")
		}
		return nil
	})
	for i := range 1000 {
		w.add(fmt.Sprint("lane", i, "-"), 3)
	}
	w.run(t, 10*time.Minute)
	if len(w.dead) > 0 || len(w.done) > 0 || w.tries > 20_000 {
		t.Fatalf("%d dead letters, %d delivered, %d tries", len(w.dead), len(w.done), w.tries)
	}
	if held := w.d.holding.held; held.Tries < 64 || w.now.Sub(held.Since) < 9*time.Minute {
		t.Errorf("held: %+v", held)
	}
	away = false
	w.run(t, 2*time.Minute)
	if len(w.done) != 3000 || len(w.dead) > 0 {
		t.Errorf("after it %d are delivered, %d dead letters", len(w.done), len(w.dead))
	}
	inLaneOrder(t, w)
	if w.most > 64 {
		t.Errorf("%d under way", w.most)
	}
}

func inLaneOrder(t *testing.T, w *receiver) {
	t.Helper()
	for lane, offsets := range w.order {
		for i, o := range offsets {
			if o != int64(i) {
				t.Fatalf("lane %s: %v", lane, offsets)
			}
		}
	}
}

// Records that fail while others succeed become dead letters, also if there are more of
// them than may be under way, and the others don't wait for them.
func TestFailingLanes(t *testing.T) {
	for _, bad := range []int{1, 3, 64, 200} {
		w := newReceiver(uint64(bad), 64, func(lane string, offset int64) error {
			if lane[0] == 'b' && offset == 0 {
				return errors.New("500")
			}
			return nil
		})
		for i := range bad {
			w.add(fmt.Sprint("bad", i, "-"), 2)
		}
		stream := 0
		for minute := 0; minute < 60 && len(w.dead) < bad; minute++ {
			for range 300 {
				w.add(fmt.Sprint("good", stream, "-"), 1)
				stream++
				w.run(t, 200*time.Millisecond)
			}
		}
		w.run(t, time.Minute)
		if len(w.dead) != bad || len(w.done) != bad+stream {
			t.Errorf("%d bad lanes: %d dead letters, %d of %d delivered", bad, len(w.dead), len(w.done), bad+stream)
		}
		for _, reason := range w.dead {
			if reason != Failing {
				t.Errorf("reason %s", reason)
			}
		}
		inLaneOrder(t, w)
	}
}

// Tries of messages keep to the limit, those of a cut with several messages and retries,
// too; composing is not limited.
func TestLimitedTries(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 8))
	d := newDispatcher(8, Limit{Count: 3, Per: time.Second}, random.Float64)
	for i := range 50 {
		d.add(&Cut{Records: []*Record{{Offset: int64(i)}}}, laneKey{nil, fmt.Sprint(i)})
	}
	now := time.Unix(1_800_000_000, 0)
	var sent []time.Time
	finished, most := 0, 0
	for step := 0; finished < 50 && step < 10_000; step++ {
		tr := d.next(now)
		if tr == nil {
			at := d.wake(now)
			if !at.After(now) {
				t.Fatal("it says that there is something to try, but there is not")
			}
			now = at
			continue
		}
		var j *job
		if tr.message == nil {
			j = d.composed(tr, []Message{nothing{}, nothing{}})
		} else {
			sent = append(sent, now)
			var err error
			if random.IntN(6) == 0 {
				err = errors.New("503")
			}
			j, _ = d.done(tr, err, now)
		}
		composed := 0
		for _, waiting := range d.fresh {
			if waiting.message != nil {
				composed++
			}
		}
		if most = max(most, composed); j != nil {
			finished++
		}
	}
	for i := 3; i < len(sent); i++ {
		if sent[i].Sub(sent[i-3]) < time.Second {
			t.Fatalf("four tries within %s", sent[i].Sub(sent[i-3]))
		}
	}
	if finished != 50 || len(sent) < 100 || now.Sub(sent[0]) > time.Duration(len(sent)/3+5)*time.Second || most > 2 {
		t.Errorf("%d finished, %d tries in %s, %d composed", finished, len(sent), now.Sub(sent[0]), most)
	}
}

type nothing struct{}

func (nothing) Recipient() string    { return "" }
func (nothing) Show(io.Writer) error { return nil }

// A single message that fails is never poison: there is nothing to compare it with.
func TestNothingElseSucceeds(t *testing.T) {
	w := newReceiver(5, 4, func(string, int64) error { return errors.New("503") })
	w.add("only", 5)
	w.run(t, 24*time.Hour)
	if len(w.dead) > 0 || w.tries < 1000 {
		t.Errorf("%v, %d tries", w.dead, w.tries)
	}
}

// Random errors: each message is delivered or refused, lanes keep their order, and one
// message is under way in a lane.
func TestRandomErrors(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 4))
		w := newReceiver(seed, 1+random.IntN(8), nil)
		w.respond = func(string, int64) error {
			switch random.IntN(10) {
			case 0:
				return &RecordError{Reason: Refused, Err: errors.New("400")}
			case 1, 2, 3:
				return errors.New("503")
			case 4:
				return &RetryError{After: time.Second, Err: errors.New("429")}
			}
			return nil
		}
		for i := range 20 {
			w.add(fmt.Sprint("lane", i, "-"), 1+random.IntN(10))
		}
		w.run(t, 24*time.Hour)
		if w.d.underWay != 0 || w.d.begun != 0 || w.d.retrying != 0 || len(w.d.active) != 0 {
			t.Errorf("seed %d: %d under way, %d begun, %d retrying, %d lanes", seed, w.d.underWay, w.d.begun, w.d.retrying, len(w.d.active))
		}
		inLaneOrder(t, w)
	}
}

// What is under way when a partition is revoked is ignored, whatever becomes of it.
func TestDrop(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 6))
		d := newDispatcher(4, Limit{}, random.Float64)
		mine, other := &owned{}, &owned{}
		now := time.Unix(1_800_000_000, 0)
		for i := range 40 {
			o := mine
			if i%2 == 0 {
				o = other
			}
			d.add(&Cut{Records: []*Record{{Offset: int64(i)}}}, laneKey{o, fmt.Sprint(i % 10)})
		}
		var flying []*try
		dropped := false
		left := 20
		for step := 0; step < 10_000 && left > 0; step++ {
			now = now.Add(100 * time.Millisecond)
			if step == int(seed) {
				d.drop(mine, true)
			}
			if step == int(seed)+3 {
				d.drop(mine, false)
				dropped = true
			}
			for t := d.next(now); t != nil; t = d.next(now) {
				flying = append(flying, t)
			}
			if len(flying) == 0 {
				continue
			}
			tr := flying[0]
			flying = flying[1:]
			var err error
			if random.IntN(3) == 0 {
				err = errors.New("503")
			}
			finished, _ := d.done(tr, err, now)
			if finished != nil {
				if finished.lane.key.owner == mine && dropped {
					t.Fatalf("seed %d: a late acknowledgement counts", seed)
				}
				if finished.lane.key.owner == other {
					left--
				}
			}
		}
		if left != 0 || len(d.active) != 0 || d.begun != len(flying) || d.underWay != len(flying) {
			t.Errorf("seed %d: %d left, %d lanes, %d begun, %d under way", seed, left, len(d.active), d.begun, d.underWay)
		}
	}
}

// A sink says at the beginning that it is held, and once a minute.
func TestHolding(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var h holding
	said := 0
	for range 600 {
		h.failed(errors.New("refused"), now, now.Add(time.Second))
		if h.say(now) {
			said++
		}
		now = now.Add(time.Second)
	}
	if said != 10 {
		t.Errorf("in ten minutes it was said %d times", said)
	}
	if line := h.succeeded(now); line != "goes on after 10m0s and 600 failed tries" {
		t.Error(line)
	}
	if line := h.succeeded(now); line != "" || h.say(now) {
		t.Error("it goes on twice")
	}
}

func TestDeadNote(t *testing.T) {
	for _, d := range []deadNote{{40, 51}, {-1, 7}, {0, 1}} {
		if got, ok := parseDead(d.String()[len(noteDead)+1:]); !ok || got != d {
			t.Errorf("%s: %v %v", d, got, ok)
		}
	}
	for _, text := range []string{"", "-", "5", "5-", "5-5", "9-3", "x-3", "3-x", "-5-6", "5--6", "-0"} {
		if d, ok := parseDead(text); ok {
			t.Errorf("%q: %v", text, d)
		}
	}
}
