package dashboard

// Stages of loading.
const (
	LoadingStock  = "stock"  // the current numbers are being read
	LoadingCharts = "charts" // they are right; the last hour is being read
	LoadingPast   = "past"   // so is the last hour; older reorders and dead letters are being read
	LoadingDone   = ""
)

// Status says how far what is shown can be trusted.
type Status struct {
	Now       int64    `json:"now"`        // the server's time, epoch ms
	AsOf      int64    `json:"as_of"`      // when the server last heard from every broker, epoch ms
	WindowEnd int64    `json:"window_end"` // where the charts' hour ends, epoch ms
	Loading   string   `json:"loading"`    // "stock", "charts", "past", or "" when all is there
	Progress  float64  `json:"progress"`   // of loading, 0 to 1
	Behind    int64    `json:"behind"`     // visible offsets that were not read yet
	Trouble   string   `json:"trouble"`    // why the brokers can't be read, or ""
	Missing   []string `json:"missing"`    // topics that do not exist yet
	Rate      float64  `json:"rate"`       // updates a second, over the last seconds
	Recent    *Recent  `json:"recent"`     // null: no order was seen
	Latency   *Latency `json:"latency"`    // null: no order was applied in the last minute
	Lag       []Lag    `json:"lag"`        // of each stage of the processor
}

// Latency is the time from an order's event to its update, over the last
// minute, in ms, within 13 %.
type Latency struct {
	P50 int64 `json:"p50"`
	P99 int64 `json:"p99"`
}

// Lag is what a consumer group has yet to read.
type Lag struct {
	Group   string `json:"group"`
	Known   bool   `json:"known"`   // false: the group has committed nothing
	Records int64  `json:"records"` // committed data records
	Exact   bool   `json:"exact"`   // false: Records is what the offsets give at most
}

// Status returns the status as of now.
func (m *Model) Status(now int64) Status {
	s := m.status
	s.Now, s.WindowEnd = now, m.windowEnd(now)
	s.Recent = m.pace.recent(s.WindowEnd)
	if s.Missing == nil {
		s.Missing = []string{}
	}
	if s.Lag == nil {
		s.Lag = []Lag{}
	}
	if q, ok := m.latency.quantiles(now, 0.5, 0.99); ok {
		s.Latency = &Latency{q[0], q[1]}
	}
	return s
}
