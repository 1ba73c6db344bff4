// Package metrics shows a processor, or what forwards records, to Prometheus: its counts,
// the franz-go clients under it, its groups' lag, and whether it is alive and ready.
package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"inv/internal/kafka"
	"inv/processor"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kprom"
)

// lagEvery is the default of Server.LagEvery.
const lagEvery = 10 * time.Second

// Server serves /metrics, /healthz and /readyz for one processor, or for sinks.
type Server struct {
	// LagEvery is how often the groups' lag is asked for. It is counted by
	// reading, see [kafka.GroupLag].
	LagEvery time.Duration
	Access   Access

	ready    func() bool
	unready  string // what it is then
	registry *prometheus.Registry
	lag      *prometheus.GaugeVec

	mu      sync.Mutex
	clients map[string]*prometheus.Registry // by stage: of the client in use
}

// New makes a Server for the processor that runs these topologies with these
// Stats.
func New(stats *processor.Stats, topologies []processor.Topology) *Server {
	s := newServer(newCollector(stats, topologies))
	s.ready, s.unready = func() bool { return stats.Summary().Ready() }, "restoring, or without partitions"
	return s
}

func newServer(counts prometheus.Collector) *Server {
	s := &Server{
		LagEvery: lagEvery,
		registry: prometheus.NewRegistry(),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "inv_lag_records", Help: "Committed data records that the group has yet to read.",
		}, []string{"group", "topic", "partition"}),
		clients: map[string]*prometheus.Registry{},
	}
	s.registry.MustRegister(counts, s.lag, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s
}

// Hooks returns a processor.Config's: each stage's client gets metrics of its own,
// which go when the stage makes a new client.
func (s *Server) Hooks(stage string) []kgo.Hook {
	registry := prometheus.NewRegistry()
	s.mu.Lock()
	s.clients[stage] = registry
	s.mu.Unlock()
	labelled := prometheus.WrapRegistererWith(prometheus.Labels{"stage": stage}, registry)
	return []kgo.Hook{kprom.NewMetrics("inv_kafka", kprom.Registerer(labelled), kprom.Gatherer(registry))}
}

// Gather implements prometheus.Gatherer over everything there is.
func (s *Server) Gather() ([]*dto.MetricFamily, error) {
	all := prometheus.Gatherers{s.registry}
	s.mu.Lock()
	for _, r := range s.clients {
		all = append(all, r)
	}
	s.mu.Unlock()
	return all.Gather()
}

// Handler answers the three paths.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", s.guard(promhttp.HandlerFor(s, promhttp.HandlerOpts{MaxRequestsInFlight: scrapesAtOnce})))
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.ready() {
			write(w, http.StatusOK, "ready\n")
			return
		}
		write(w, http.StatusServiceUnavailable, s.unready+"\n")
	})
	return mux
}

func write(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text)) // the client is gone
}

// Serve answers on the listener until the context ends, and asks for the groups'
// lag meanwhile.
func (s *Server) Serve(ctx context.Context, l net.Listener, c kafka.Config, groups []string, log *slog.Logger) error {
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	var polling sync.WaitGroup
	polling.Go(func() { s.pollLag(ctx, c, groups, log) })
	err := server.Serve(l)
	polling.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// countAtMost bounds the records that are counted in a partition; beyond that the
// offsets are subtracted.
const countAtMost = 10_000

// pollLag keeps the lag up to date. One counter and one connection serve all
// groups, so that a system at rest is not read again.
func (s *Server) pollLag(ctx context.Context, c kafka.Config, groups []string, log *slog.Logger) {
	client, err := kafka.New(c)
	if err != nil {
		log.Error("connecting for the lag", "error", err)
		return
	}
	defer client.Close()
	counter := kafka.NewLagCounter(client, countAtMost, 0)
	tick := time.NewTicker(s.LagEvery)
	defer tick.Stop()
	for {
		for _, group := range groups {
			lags, err := counter.Lag(ctx, group)
			if err != nil {
				log.Debug("reading the lag", "group", group, "error", err)
				continue
			}
			for _, l := range lags {
				s.lag.WithLabelValues(group, l.Topic, strconv.Itoa(int(l.Partition))).Set(float64(l.Records))
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// collector gives the Stats of a moment. Besides what every topology has, it
// knows the kinds of outputs and the metrics that the topologies declare.
type collector struct {
	stats *processor.Stats
	kinds []string
	own   []ownMetric
}

type ownMetric struct {
	key    string
	desc   *prometheus.Desc
	labels []string // values
	value  prometheus.ValueType
}

func newCollector(stats *processor.Stats, topologies []processor.Topology) collector {
	c := collector{stats: stats, kinds: processor.Kinds(topologies)}
	for _, m := range processor.Metrics(topologies) {
		value := prometheus.CounterValue
		if m.Gauge {
			value = prometheus.GaugeValue
		}
		own := ownMetric{key: m.Key(), desc: desc(m.Name, m.Help), value: value}
		if m.Topology != "" {
			own.desc, own.labels = desc(m.Name, m.Help, "topology"), []string{m.Topology}
		}
		c.own = append(c.own, own)
	}
	return c
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("inv_"+name, help, labels, nil)
}

var (
	records      = desc("records_total", "Input records by what was decided of them.", "topic", "outcome", "reason")
	outputs      = desc("outputs_total", "Records written, by kind.", "kind")
	restored     = desc("restored_records_total", "Records read again to rebuild state.")
	partitions   = desc("partitions", "Partitions of a stage, assigned to this process and with their state.", "stage", "state")
	transactions = desc("transactions_total", "Transactions by how they ended.", "stage", "result")
	rebuilds     = desc("sessions_rebuilt_total", "Clients that were replaced after a failure.", "stage")
	ending       = desc("transaction_end_seconds", "Time to write and commit a transaction.", "stage")
	endToEnd     = desc("end_to_end_seconds", "From an event's own time to the commit of what it changed.")
)

// Describe implements prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{records, outputs, restored, partitions, transactions, rebuilds, ending, endToEnd} {
		ch <- d
	}
	for _, m := range c.own {
		ch <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	s := c.stats.Summary()
	counter := func(d *prometheus.Desc, n int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, n int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	for t, n := range s.Records {
		counter(records, n, t.Topic, string(t.Outcome), string(t.Reason))
	}
	for _, kind := range c.kinds {
		counter(outputs, s.Counts[kind], kind)
	}
	for _, m := range c.own {
		ch <- prometheus.MustNewConstMetric(m.desc, m.value, float64(s.Counts[m.key]), m.labels...)
	}
	counter(restored, s.Restored)
	for name, stage := range s.Stages {
		gauge(partitions, stage.Assigned, name, "assigned")
		gauge(partitions, stage.Ready, name, "ready")
		counter(transactions, stage.Commits, name, "committed")
		counter(transactions, stage.Aborts, name, "aborted")
		counter(rebuilds, stage.Rebuilds, name)
		histogram(ch, ending, stage.Ending, name)
	}
	histogram(ch, endToEnd, s.EndToEnd)
}

func histogram(ch chan<- prometheus.Metric, d *prometheus.Desc, v processor.Durations, labels ...string) {
	ch <- prometheus.MustNewConstHistogram(d, v.Count, v.Seconds, v.Buckets, labels...)
}
