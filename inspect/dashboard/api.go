package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

var errNotFound = errors.New("no product has this ID")

// api serves what read returns as JSON.
func (s *server) api(read func(*Model, int64, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var value any
		var err error
		s.hub.Look(func(m *Model, now int64) { value, err = read(m, now, r) })
		switch {
		case errors.Is(err, errNotFound):
			fail(w, http.StatusNotFound, err.Error())
		case err != nil:
			fail(w, http.StatusBadRequest, err.Error())
		default:
			answer(w, http.StatusOK, value)
		}
	}
}

func getProducts(m *Model, now int64, r *http.Request) (any, error) {
	v, err := ParseView(r.URL.Query())
	if err != nil {
		return nil, err
	}
	page := m.page(v)
	rows := make([]Row, len(page.rows))
	for i, p := range page.rows {
		rows[i] = m.row(p)
	}
	return struct {
		Head
		Status   Status `json:"status"`
		Counts   Counts `json:"counts"`
		Total    int    `json:"total"`
		Offset   int    `json:"offset"`
		Products []Row  `json:"products"`
	}{m.head(), m.Status(now), m.counts, page.total, page.offset, rows}, nil
}

func getProduct(m *Model, now int64, r *http.Request) (any, error) {
	d := m.Detail(r.PathValue("id"), now)
	if d == nil {
		return nil, errNotFound
	}
	return struct {
		Head
		Product *Detail `json:"product"`
	}{m.head(), d}, nil
}

func getAlerts(m *Model, _ int64, r *http.Request) (any, error) {
	limit, err := number(r.URL.Query(), "limit", MaxRows, MaxRows)
	if err != nil {
		return nil, err
	}
	keep := anyAlert
	if id := r.URL.Query().Get("product"); id != "" {
		keep = func(a *Alert) bool { return a.ProductID == id }
	}
	list, _ := m.feed.since(0, m.seq, limit, keep)
	return struct {
		Head
		Total  int64   `json:"total"`
		Alerts []Alert `json:"alerts"`
	}{m.head(), m.feed.total, list}, nil
}

func getReorders(m *Model, _ int64, r *http.Request) (any, error) {
	limit, err := number(r.URL.Query(), "limit", MaxRows, MaxRows)
	if err != nil {
		return nil, err
	}
	list := m.Reorders(limit)
	return struct {
		Head
		Total    int       `json:"total"`
		Reorders []Reorder `json:"reorders"`
	}{m.head(), list.Total, list.Items}, nil
}

// getSummary returns a whole frame without products.
func getSummary(m *Model, now int64, _ *http.Request) (any, error) {
	return m.Frame(View{Sort: ByUrgency}, 0, nil, now), nil
}

// Limits on event streams.
const (
	maxStreams = 256 // at a time
	// A browser opens six connections to a host over HTTP/1.1. If streams took all,
	// further tabs would wait forever.
	streamsPerBrowser = 3
	pollEvery         = 1000 // ms, for tabs without a stream
)

// browsers counts the streams of each browser.
type browsers struct {
	mu      sync.Mutex
	streams map[string]int
}

// enter reports whether a browser may have another stream, which ends with leave.
// Readers without a name may have any number.
func (b *browsers) enter(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if name == "" || b.streams[name] >= streamsPerBrowser {
		return name == ""
	}
	if b.streams == nil {
		b.streams = map[string]int{}
	}
	b.streams[name]++
	return true
}

func (b *browsers) leave(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if name == "" {
		return
	}
	if b.streams[name]--; b.streams[name] <= 0 {
		delete(b.streams, name)
	}
}

const (
	pingEvery    = 15 * time.Second
	writeTimeout = 10 * time.Second
)

// events streams server-sent events: a snapshot or the changes since Last-Event-ID,
// then deltas. Nothing is queued for a slow reader: its next delta covers everything
// since its last one. A browser that has enough streams gets only the first event, and
// when to ask again.
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
		fail(w, http.StatusServiceUnavailable, fmt.Sprintf("too many event streams are open: %d", maxStreams))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return
	}
	hello := map[string]any{"version": APIVersion, "build": s.build, "empty": s.access.Hints.NoProducts}
	browser := r.URL.Query().Get("browser")
	stays := s.tabs.enter(browser)
	if stays {
		defer s.tabs.leave(browser)
	} else {
		hello["poll"] = pollEvery
	}
	e := &eventWriter{w: w, control: http.NewResponseController(w)}
	first, _ := json.Marshal(hello)
	e.write("hello", "", first)
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
		if !stays {
			return
		}
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

// resumed returns the position of a reconnecting reader, from the header
// Last-Event-ID or, when a page changes its view, from the parameter last.
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
