package dashboard

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"sync"
	"time"
)

const (
	// publishEvery is the minimum time between publications, and so the longest that
	// an update waits.
	publishEvery = 100 * time.Millisecond
	// beatEvery is the maximum time between publications. A page that receives
	// nothing for much longer shows that it is stale.
	beatEvery = time.Second
	// tooFarBehind is how many publications a reader may miss before it gets a new
	// snapshot.
	tooFarBehind = 50
)

// Hub shares a model: the reader changes it, pages and the terminal read it. It is
// safe for concurrent use.
type Hub struct {
	now      func() time.Time
	orders   string
	currency string
	outputs  []Output

	mu        sync.Mutex
	model     *Model
	published chan struct{}  // closed by the next publication
	pages     map[View]*page // as of the last publication
	frames    map[frameKey]encoded

	changed chan struct{} // holds a token if the model has changed
}

// frameKey identifies a frame between two publications.
type frameKey struct {
	view   View
	since  uint64
	resume bool
}

type encoded struct {
	json []byte
	sent sent
}

// sent is a reader's position.
type sent struct {
	epoch string
	seq   uint64
	order []string // the page; nil: none
}

// NewHub returns a hub with an empty model. orders is the orders topic.
func NewHub(orders string, now func() time.Time) *Hub {
	h := &Hub{
		now: now, orders: orders, published: make(chan struct{}), changed: make(chan struct{}, 1),
		pages: map[View]*page{}, frames: map[frameKey]encoded{},
	}
	h.Restart()
	return h
}

// SetCurrency sets the currency of all amounts, an ISO 4217 code, before the hub is
// used.
func (h *Hub) SetCurrency(code string) { h.currency, h.model.currency = code, code }

// SetOutputs sets what the panels of declared topologies show, before the hub is used.
func (h *Hub) SetOutputs(outputs []Output) {
	h.outputs, h.model.panels = outputs, newPanels(outputs)
}

// Restart starts over with an empty model and a new epoch.
func (h *Hub) Restart() {
	h.Update(func(*Model) {
		h.model = NewModel(rand.Text()[:12], h.orders)
		h.model.currency, h.model.panels = h.currency, newPanels(h.outputs)
		h.model.Beat()
		clear(h.pages)
		clear(h.frames)
	})
}

// Update calls edit with the model locked.
func (h *Hub) Update(edit func(*Model)) {
	h.mu.Lock()
	edit(h.model)
	h.mu.Unlock()
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// Look calls read with the model locked, as of the last publication or newer.
func (h *Hub) Look(read func(m *Model, now int64)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	read(h.model, h.now().UnixMilli())
}

// Publish publishes changes until ctx is done: at once after a quiet time, then at
// most every publishEvery.
func (h *Hub) Publish(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		select {
		case <-h.changed:
		case <-beat.C:
			h.Update((*Model).Beat)
		case <-ctx.Done():
			return
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		h.publish()
		pause.Reset(publishEvery)
	}
}

func (h *Hub) publish() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.model.Publish() {
		clear(h.pages)
		clear(h.frames)
		close(h.published)
		h.published = make(chan struct{})
	}
}

// frame returns the JSON of the changes since has, the reader's new position,
// whether the frame is a snapshot, and a channel that the next publication
// closes. Readers at the same position share one encoding.
func (h *Hub) frame(v View, has sent) (next encoded, whole bool, more <-chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if has.epoch != h.model.epoch || has.seq > h.model.seq || h.model.seq-has.seq > tooFarBehind {
		has = sent{}
	}
	whole = has.seq == 0
	key := frameKey{v, has.seq, has.order == nil}
	next, ok := h.frames[key]
	if !ok {
		pg := h.pages[v]
		if pg == nil {
			pg = h.model.page(v)
			h.pages[v] = pg
		}
		f := h.model.frame(v, pg, has.seq, has.order, h.now().UnixMilli())
		next.sent = sent{f.Epoch, f.Seq, pg.ids()}
		if next.json, err = json.Marshal(f); err != nil {
			return encoded{}, false, nil, err
		}
		h.frames[key] = next
	}
	return next, whole, h.published, nil
}
