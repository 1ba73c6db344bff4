package dashboard

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"inv/internal/event"
)

// Counts are the products by severity. Products that left the catalogue are only
// counted as delisted.
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
	if p.Delisted {
		c.Delisted += n
		return
	}
	c.Products += n
	*[severities]*int{&c.Out, &c.Critical, &c.Low, &c.OK, &c.Unknown}[p.Severity] += n
}

// Facet is a value that products can be filtered by.
type Facet struct {
	Name     string `json:"name"`
	Products int    `json:"products"`
}

// Facets are the categories and warehouses, at most 200 of each.
type Facets struct {
	Categories []Facet `json:"categories"`
	Warehouses []Facet `json:"warehouses"`
}

// facet counts products by a text and holds one copy of each.
type facet map[string]*Facet

// move counts a product under another text and returns the shared copy of it.
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
	names := slices.Sorted(maps.Keys(f))
	list := make([]Facet, min(len(names), 200))
	for i := range list {
		list[i] = *f[names[i]]
	}
	return list
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

// feed keeps the last alerts.
type feed struct {
	ring    [feedLength]Alert
	total   int64 // including those not kept
	version uint64
}

func (f *feed) add(a Alert, version uint64) {
	a.version = version
	f.ring[f.total%feedLength] = a
	f.total++
	f.version = version
}

// since returns the alerts that keep selects of the publications after version, up
// to upTo, newest first: at most limit of them, and how many more there were.
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

// DeadLetterCount counts the dead letters from a topic with one reason.
type DeadLetterCount struct {
	Topic  string `json:"topic"`
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

// DeadLetter is one dead letter.
type DeadLetter struct {
	Topic   string `json:"topic"` // that the record was read from
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Time    int64  `json:"timestamp"` // of the dead letter, epoch ms
	Place   string `json:"place"`     // of the dead letter: topic/partition@offset
}

const lastDeadLetters = 20

type deadLetters struct {
	counts  map[[2]string]int64
	last    []DeadLetter // newest first
	total   int64
	version uint64
}

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
		Place:   r.place(),
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

// Malformed counts the records of a topic that could not be read.
type Malformed struct {
	Topic string `json:"topic"`
	Count int64  `json:"count"`
	Last  string `json:"last"`  // the last one's error
	Place string `json:"place"` // of the last one: topic/partition@offset
}

// Problems counts what is wrong with the records.
type Problems struct {
	Malformed  []Malformed `json:"malformed"`
	Gaps       int64       `json:"gaps"`         // missing sequence numbers
	OutOfOrder int64       `json:"out_of_order"` // updates older than one read before
	Ignored    int64       `json:"ignored"`      // records of products beyond the 100,000th
}

type problems struct {
	Problems
	byTopic map[string]*Malformed
	version uint64
}

func (p *problems) list() *Problems {
	all := p.Problems
	all.Malformed = make([]Malformed, 0, len(p.byTopic))
	for _, topic := range slices.Sorted(maps.Keys(p.byTopic)) {
		all.Malformed = append(all.Malformed, *p.byTopic[topic])
	}
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

// latencyBin and binLatency convert between ms and bins of a logarithmic scale,
// eight to a doubling: exact within 13 % from 1 ms to over an hour.
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

// add counts one latency. What can't be one is left out: generated records may have
// the times of another day.
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

// quantiles returns quantiles of the last minute's latencies; ok is false if there
// were none.
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
