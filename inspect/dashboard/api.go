package dashboard

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// head holds the fields that every response begins with.
type head struct {
	Version int    `json:"version"`
	Epoch   string `json:"epoch"`
	Seq     uint64 `json:"seq"`
}

func (m *Model) head() head { return head{APIVersion, m.epoch, m.seq} }

// ProductsAnswer is the response to GET /api/products.
type ProductsAnswer struct {
	head
	Status   Status `json:"status"`
	Counts   Counts `json:"counts"`
	Total    int    `json:"total"`
	Offset   int    `json:"offset"`
	Products []Row  `json:"products"`
}

// ProductsPage returns the products that v selects; a negative limit means all.
func (m *Model) ProductsPage(v View, now int64) ProductsAnswer {
	if v.Limit < 0 {
		v.Limit = len(m.all)
	}
	page := m.page(v)
	a := ProductsAnswer{m.head(), m.Status(now), m.counts, page.total, page.offset, make([]Row, 0, len(page.rows))}
	for _, p := range page.rows {
		a.Products = append(a.Products, m.row(p))
	}
	return a
}

func (s *server) products(w http.ResponseWriter, r *http.Request) {
	v, err := ParseView(r.URL.Query())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	var a ProductsAnswer
	s.hub.Look(func(m *Model, now int64) { a = m.ProductsPage(v, now) })
	answer(w, http.StatusOK, a)
}

func (s *server) product(w http.ResponseWriter, r *http.Request) {
	var a struct {
		head
		Product *Detail `json:"product"`
	}
	s.hub.Look(func(m *Model, now int64) { a.head, a.Product = m.head(), m.Detail(r.PathValue("id"), now) })
	if a.Product == nil {
		fail(w, http.StatusNotFound, "no product has this id")
		return
	}
	answer(w, http.StatusOK, a)
}

func (s *server) alerts(w http.ResponseWriter, r *http.Request) {
	limit, err := number(r.URL.Query(), "limit", MaxRows, MaxRows)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	keep := anyAlert
	if id := r.URL.Query().Get("product"); id != "" {
		keep = func(a *Alert) bool { return a.ProductID == id }
	}
	var a struct {
		head
		Total  int64   `json:"total"`
		Alerts []Alert `json:"alerts"`
	}
	s.hub.Look(func(m *Model, _ int64) {
		a.head, a.Total = m.head(), m.feed.total
		a.Alerts, _ = m.feed.since(0, m.seq, limit, keep)
	})
	answer(w, http.StatusOK, a)
}

func (s *server) reorders(w http.ResponseWriter, r *http.Request) {
	limit, err := number(r.URL.Query(), "limit", MaxRows, MaxRows)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	var a struct {
		head
		Total    int       `json:"total"`
		Reorders []Reorder `json:"reorders"`
	}
	s.hub.Look(func(m *Model, _ int64) {
		list := m.Reorders(limit)
		a.head, a.Total, a.Reorders = m.head(), list.Total, list.Items
	})
	answer(w, http.StatusOK, a)
}

// summary serves a full frame without products.
func (s *server) summary(w http.ResponseWriter, _ *http.Request) {
	var f *Frame
	s.hub.Look(func(m *Model, now int64) { f = m.Frame(View{Sort: ByUrgency}, 0, nil, now) })
	answer(w, http.StatusOK, f)
}

const (
	pingEvery    = 15 * time.Second
	writeTimeout = 10 * time.Second
)

// events streams server-sent events: a snapshot, or the changes since
// Last-Event-ID, then deltas. Nothing is queued for a slow reader: its next
// delta covers everything since its last one.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	v, err := ParseView(r.URL.Query())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		w.Header().Set("Retry-After", "10")
		fail(w, http.StatusServiceUnavailable, fmt.Sprintf("there are %d event streams already", maxStreams))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return
	}
	e := &eventWriter{w: w, control: http.NewResponseController(w)}
	e.write("hello", "", []byte(`{"version":1,"build":"`+s.build+`"}`))
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	has := resumed(r)
	for e.err == nil {
		next, whole, more, err := s.hub.frame(v, has)
		if err != nil {
			return
		}
		has = next.sent
		name := "delta"
		if whole {
			name = "snapshot"
		}
		e.write(name, has.epoch+":"+strconv.FormatUint(has.seq, 10), next.json)
		for waiting := true; waiting && e.err == nil; {
			select {
			case <-more:
				waiting = false
			case now := <-ping.C:
				e.write("ping", "", strconv.AppendInt(nil, now.UnixMilli(), 10))
			case <-r.Context().Done():
				return
			}
		}
	}
}

// resumed returns the epoch and number of the last event that a reconnecting
// reader received, from the header or, when a page changes its view, from the
// parameter last.
func resumed(r *http.Request) sent {
	id := r.Header.Get("Last-Event-ID")
	if id == "" {
		id = r.URL.Query().Get("last")
	}
	epoch, number, _ := strings.Cut(id, ":")
	seq, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return sent{}
	}
	return sent{epoch: epoch, seq: seq}
}

type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buf     []byte
	err     error
}

// write sends one event within writeTimeout.
func (e *eventWriter) write(name, id string, data []byte) {
	if e.err != nil {
		return
	}
	e.buf = append(append(e.buf[:0], "event: "...), name...)
	if id != "" {
		e.buf = append(append(e.buf, "\nid: "...), id...)
	}
	e.buf = append(append(e.buf, "\ndata: "...), data...)
	e.buf = append(e.buf, "\n\n"...)
	if e.err = e.control.SetWriteDeadline(time.Now().Add(writeTimeout)); e.err != nil {
		return
	}
	if _, e.err = e.w.Write(e.buf); e.err == nil {
		e.err = e.control.Flush()
	}
}
