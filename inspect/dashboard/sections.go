package dashboard

import (
	"cmp"
	"slices"
	"strings"

	"inv/internal/event"
)

// Money is an amount in JSON: a number with at least two decimals.
type Money event.Money

// MarshalJSON writes the number.
func (m Money) MarshalJSON() ([]byte, error) {
	return event.AppendMoney(nil, event.Money(m)), nil
}

// Counts are the products by severity; those that left the catalogue count
// only as delisted.
type Counts struct {
	Products int `json:"products"`
	Out      int `json:"out"`
	Critical int `json:"critical"`
	Low      int `json:"low"`
	OK       int `json:"ok"`
	Unknown  int `json:"unknown"`
	Delisted int `json:"delisted"`
}

func (c *Counts) add(p *product, n int) {
	if p.delisted {
		c.Delisted += n
		return
	}
	c.Products += n
	switch p.severity {
	case Out:
		c.Out += n
	case Critical:
		c.Critical += n
	case Low:
		c.Low += n
	case OK:
		c.OK += n
	default:
		c.Unknown += n
	}
}

// Facet is a value that products can be filtered by.
type Facet struct {
	Name     string `json:"name"`
	Products int    `json:"products"`
}

// Facets are the categories and warehouses there are, at most 200 of each.
type Facets struct {
	Categories []Facet `json:"categories"`
	Warehouses []Facet `json:"warehouses"`
}

type facets struct{ categories, warehouses facet }

// facet counts products by a text and holds one copy of each.
type facet map[string]*Facet

func newFacets() facets { return facets{facet{}, facet{}} }

func (f facet) move(from, to string) string {
	if old := f[from]; old != nil {
		if old.Products--; old.Products == 0 {
			delete(f, from)
		}
	}
	if to == "" {
		return ""
	}
	n := f[to]
	if n == nil {
		n = &Facet{Name: strings.Clone(to)}
		f[n.Name] = n
	}
	n.Products++
	return n.Name
}

func (f facet) list() []Facet {
	list := make([]Facet, 0, len(f))
	for _, one := range f {
		list = append(list, *one)
	}
	slices.SortFunc(list, func(a, b Facet) int { return cmp.Compare(a.Name, b.Name) })
	return list[:min(len(list), 200)]
}

// Minute is what orders did in one minute.
type Minute struct {
	Time    int64 `json:"time"` // its start, epoch ms
	Orders  int64 `json:"orders"`
	Units   int64 `json:"units"`           // taken from stock
	Unmet   int64 `json:"unmet,omitempty"` // asked for in vain
	Revenue Money `json:"revenue"`

	revenue event.Money
	version uint64
}

const (
	minuteLength = int64(60 * 1000)
	minuteCount  = 61 // the hour, and the minute that has begun
)

// minutes is a ring of the last hour.
type minutes [64]Minute

// at returns the minute of a time, changed in publication version; nil if the ring
// holds a later one in its place.
func (m *minutes) at(time int64, version uint64) *Minute {
	if time <= 0 {
		return nil
	}
	start := time - time%minuteLength
	one := &m[start/minuteLength%int64(len(m))]
	switch {
	case one.Time > start:
		return nil
	case one.Time < start:
		*one = Minute{Time: start}
	}
	one.version = version
	return one
}

// since lists the minutes of the hour up to end that changed after a
// publication, oldest first.
func (m *minutes) since(version uint64, end int64) []Minute {
	var list []Minute
	for _, one := range m {
		if one.version > version && one.Time > end-minuteCount*minuteLength {
			one.Revenue = Money(one.revenue)
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b Minute) int { return cmp.Compare(a.Time, b.Time) })
	return list
}

// newest returns the last minute that anything happened in, 0 if none.
func (m *minutes) newest() int64 {
	var t int64
	for i := range m {
		t = max(t, m[i].Time)
	}
	return t
}

// Alert is one critical alert.
type Alert struct {
	ID          string `json:"alert_id"`
	ProductID   string `json:"product_id"`
	ProductName string `json:"product_name"`
	Stock       int64  `json:"current_stock"`
	Threshold   int64  `json:"threshold"`
	Warehouse   string `json:"warehouse_id"`
	Time        int64  `json:"timestamp"` // epoch ms
	Message     string `json:"message"`

	version uint64
}

// feed keeps the last alerts and how many there were.
type feed struct {
	ring    [feedLength]Alert
	total   int64
	version uint64
}

func (f *feed) add(a Alert, version uint64) {
	a.version = version
	f.ring[f.total%feedLength] = a
	f.total++
	f.version = version
}

// since lists the alerts of the publications after one and up to another, newest
// first, at most limit, and how many more there were.
func (f *feed) since(version, upTo uint64, limit int, keep func(*Alert) bool) (list []Alert, skipped int64) {
	list = []Alert{}
	for i := f.total - 1; i >= 0 && f.total-i <= feedLength; i-- {
		a := &f.ring[i%feedLength]
		if a.version <= version {
			return list, skipped
		}
		switch {
		case a.version > upTo || !keep(a):
		case len(list) < limit:
			list = append(list, *a)
		default:
			skipped++
		}
	}
	if f.total > feedLength {
		skipped += f.total - feedLength
	}
	return list, skipped
}

func anyAlert(*Alert) bool { return true }

// DeadLetterCount is how many records of a topic were refused for one reason.
type DeadLetterCount struct {
	Topic  string `json:"topic"`
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

// DeadLetter is one refused record.
type DeadLetter struct {
	Topic   string `json:"topic"` // the one that it was refused from
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Time    int64  `json:"timestamp"` // of the dead letter, epoch ms
	Place   string `json:"place"`     // where the dead letter is: topic/partition@offset
}

const lastDeadLetters = 20

type deadLetters struct {
	counts  map[[2]string]int64
	last    []DeadLetter // newest first
	total   int64
	version uint64
}

func newDeadLetters() deadLetters { return deadLetters{counts: map[[2]string]int64{}} }

func (d *deadLetters) add(r *Record, version uint64) {
	text := func(name, fallback string) string {
		if v, ok := r.Header(name); ok && len(v) > 0 {
			return clip(string(v))
		}
		return fallback
	}
	letter := DeadLetter{
		Topic:   text(event.HeaderDLQTopic, strings.TrimSuffix(r.Topic, ".dlq")),
		Reason:  text(event.HeaderDLQReason, "unknown"),
		Message: text(event.HeaderDLQMessage, ""),
		Time:    r.Timestamp,
		Place:   event.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}.String(),
	}
	key := [2]string{letter.Topic, letter.Reason}
	if _, known := d.counts[key]; !known && len(d.counts) >= maxReasons {
		key[1] = "other"
	}
	d.counts[key]++
	d.total++
	d.version = version
	i, _ := slices.BinarySearchFunc(d.last, letter, func(a, b DeadLetter) int { return cmp.Compare(b.Time, a.Time) })
	if d.last = slices.Insert(d.last, i, letter); len(d.last) > lastDeadLetters {
		d.last = d.last[:lastDeadLetters]
	}
}

func (d *deadLetters) list() []DeadLetterCount {
	list := make([]DeadLetterCount, 0, len(d.counts))
	for k, n := range d.counts {
		list = append(list, DeadLetterCount{k[0], k[1], n})
	}
	slices.SortFunc(list, func(a, b DeadLetterCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}

// Malformed is how many records of a topic could not be read.
type Malformed struct {
	Topic string `json:"topic"`
	Count int64  `json:"count"`
	Last  string `json:"last"` // why the last one could not
	Place string `json:"place"`
}

// Problems are what is wrong with the records.
type Problems struct {
	Malformed  []Malformed `json:"malformed"`
	Gaps       int64       `json:"gaps"`         // sequence numbers that never came
	OutOfOrder int64       `json:"out_of_order"` // updates older than what was known
	Ignored    int64       `json:"ignored"`      // records of products beyond the 100,000th
}

type problems struct {
	Problems
	byTopic map[string]*Malformed
	version uint64
}

func newProblems() problems { return problems{byTopic: map[string]*Malformed{}} }

func (p *problems) malformed(r *Record, why string, version uint64) {
	one := p.byTopic[r.Topic]
	if one == nil {
		one = &Malformed{Topic: r.Topic}
		p.byTopic[r.Topic] = one
	}
	one.Count++
	one.Last = why
	one.Place = event.Place{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}.String()
	p.version = version
}

func (p *problems) list() *Problems {
	all := p.Problems
	all.Malformed = make([]Malformed, 0, len(p.byTopic))
	for _, one := range p.byTopic {
		all.Malformed = append(all.Malformed, *one)
	}
	slices.SortFunc(all.Malformed, func(a, b Malformed) int { return cmp.Compare(a.Topic, b.Topic) })
	return &all
}

// latencies is a histogram of the processor's latency over the last minute, in
// six slots of ten seconds.
type latencies struct {
	slots [6]struct {
		at    int64
		count [latencyBins]int64
	}
}

const (
	latencySlot = 10 * 1000 // ms
	latencyBins = 160
)

// latencyBin and binLatency are a logarithmic scale, eight bins to a doubling:
// within 13 % from 1 ms to over an hour.
func latencyBin(ms int64) int {
	shift := 0
	for ms >= 16 {
		ms >>= 1
		shift++
	}
	if shift == 0 {
		return int(ms)
	}
	return min(8+shift*8+int(ms-8), latencyBins-1)
}

func binLatency(bin int) int64 {
	if bin < 16 {
		return int64(bin)
	}
	shift := (bin - 8) / 8
	return int64(bin-shift*8) << shift
}

// add takes one latency, unless it can't be one: records with the times of
// another day, as a generator with --start writes them.
func (l *latencies) add(now, ms int64) {
	if ms < 0 || ms > hour {
		return
	}
	slot := &l.slots[now/latencySlot%int64(len(l.slots))]
	if at := now / latencySlot; slot.at != at {
		slot.at, slot.count = at, [latencyBins]int64{}
	}
	slot.count[latencyBin(ms)]++
}

// quantiles returns the latencies that the given shares of the last minute's
// updates stay within; ok is false if there were none.
func (l *latencies) quantiles(now int64, shares ...float64) (ms []int64, ok bool) {
	var sum [latencyBins]int64
	var total int64
	for i := range l.slots {
		if s := &l.slots[i]; s.at > now/latencySlot-int64(len(l.slots)) {
			for bin, n := range s.count {
				sum[bin] += n
				total += n
			}
		}
	}
	if total == 0 {
		return nil, false
	}
	for _, share := range shares {
		left := int64(share * float64(total))
		bin := 0
		for ; bin < latencyBins-1 && left >= sum[bin]; bin++ {
			left -= sum[bin]
		}
		ms = append(ms, binLatency(bin))
	}
	return ms, true
}
