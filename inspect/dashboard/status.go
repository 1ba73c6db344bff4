package dashboard

// Stages of loading.
const (
	LoadingStock    = "stock"    // reading the current numbers
	LoadingReorders = "reorders" // the numbers are right; reading the newest reorders, then their receipts
	LoadingCharts   = "charts"   // reading the last hour
	LoadingPast     = "past"     // reading older reorders and dead letters
	LoadingDone     = ""
)

// Status describes how complete and how recent the data is.
type Status struct {
	Currency  string   `json:"currency,omitempty"` // of all amounts: ISO 4217; "": unknown
	Now       int64    `json:"now"`                // the server's time, epoch ms
	AsOf      int64    `json:"as_of"`              // when every partition was last heard from, epoch ms
	WindowEnd int64    `json:"window_end"`         // the end of the charts' hour, epoch ms
	Loading   string   `json:"loading"`            // the stage of loading; "" when done
	Progress  float64  `json:"progress"`           // of the stage, 0 to 1
	Behind    int64    `json:"behind"`             // visible offsets not read yet
	Trouble   string   `json:"trouble"`            // why the brokers or the schema registry can't be read, or ""
	Missing   []string `json:"missing"`            // topics that do not exist yet
	Denied    []Denied `json:"denied"`             // permissions that are missing
	Rate      float64  `json:"rate"`               // updates per second, smoothed
	Recent    *Recent  `json:"recent"`             // null: no orders
	Latency   *Latency `json:"latency"`            // null: no order was applied in the last minute
	Lag       []Lag    `json:"lag"`                // of each stage of the processor

	looked   bool // Lag is known, as far as it can be
	failures int  // sessions that have failed, since the last one that began
}

// reordersKnown reports whether the receipts of the reorders that were read are read,
// too. Until then, reorders that were fulfilled long ago count as open.
func (s *Status) reordersKnown() bool {
	return s.Loading != LoadingStock && s.Loading != LoadingReorders
}

// Latency is the time from an order's event to its update, over the last
// minute, in ms, within 13 %.
type Latency struct {
	P50 int64 `json:"p50"`
	P99 int64 `json:"p99"`
}

// Lag is how far a consumer group is behind.
type Lag struct {
	Group   string `json:"group"`
	Known   bool   `json:"known"`   // false: the group has committed nothing, or Denied
	Records int64  `json:"records"` // committed data records
	Exact   bool   `json:"exact"`   // false: Records is an upper bound, from offsets
	Denied  bool   `json:"denied"`  // a permission is missing to know it
}

// Status returns the status as of now.
func (m *Model) Status(now int64) Status {
	s := m.status
	s.Currency, s.Now, s.WindowEnd = m.currency, now, m.windowEnd(now)
	s.Recent = m.sales.recent(s.WindowEnd)
	if s.Missing == nil {
		s.Missing = []string{}
	}
	if s.Denied == nil {
		s.Denied = []Denied{}
	}
	if s.Lag == nil {
		s.Lag = []Lag{}
	}
	if q, ok := m.latency.quantiles(now, 0.5, 0.99); ok {
		s.Latency = &Latency{q[0], q[1]}
	}
	return s
}
