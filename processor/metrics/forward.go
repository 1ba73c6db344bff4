package metrics

import (
	"inv/processor/forward"

	"github.com/prometheus/client_golang/prometheus"
)

// Sink is a sink whose counts are served.
type Sink struct {
	Name  string
	Stats *forward.Stats
}

// ForSinks makes a Server for sinks that run in this process. It is ready when one of
// them is, since the partitions of another may all be with other processes.
func ForSinks(list []Sink) *Server {
	s := newServer(sinkCollector(list))
	s.ready = func() bool {
		for _, k := range list {
			if k.Stats.Summary().IsReady() {
				return true
			}
		}
		return false
	}
	s.unready = "without partitions"
	return s
}

// sinkCollector gives the counts of sinks at a moment.
type sinkCollector []Sink

var (
	forwarded       = desc("forward_records_total", "Records that a sink is done with, by outcome; of dead letters with the reason.", "sink", "outcome", "reason")
	forwardMessages = desc("forward_messages_total", "Messages that were delivered.", "sink")
	forwardTries    = desc("forward_tries_total", "Tries to deliver, by result.", "sink", "result")
	forwardHeld     = desc("forward_held", "1 while every try of a sink fails.", "sink")
	forwardUnderWay = desc("forward_messages_under_way", "Messages that are being sent.", "sink")
	forwardPending  = desc("forward_unfinished_records", "Records in memory that are not finished.", "sink")
	forwardBytes    = desc("forward_unfinished_bytes", "Bytes of records in memory that are not finished.", "sink")
	forwardParts    = desc("forward_partitions", "Partitions of a sink, assigned to this process and open.", "sink", "state")
)

// Describe implements prometheus.Collector.
func (c sinkCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{forwarded, forwardMessages, forwardTries, forwardHeld, forwardUnderWay, forwardPending, forwardBytes, forwardParts} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c sinkCollector) Collect(ch chan<- prometheus.Metric) {
	for _, k := range c {
		s := k.Stats.Summary()
		counter := func(d *prometheus.Desc, n int64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), append([]string{k.Name}, labels...)...)
		}
		gauge := func(d *prometheus.Desc, n int64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), append([]string{k.Name}, labels...)...)
		}
		counter(forwarded, s.Delivered, "delivered", "")
		counter(forwarded, s.Dropped, "passed-over", "")
		for reason, n := range s.DeadLetters {
			counter(forwarded, n, "dead-lettered", reason)
		}
		counter(forwardMessages, s.Messages)
		counter(forwardTries, s.Tries-s.Failures, "ok")
		counter(forwardTries, s.Failures, "failed")
		held := int64(0)
		if !s.Held.Since.IsZero() {
			held = 1
		}
		gauge(forwardHeld, held)
		gauge(forwardUnderWay, s.UnderWay)
		gauge(forwardPending, s.Unfinished)
		gauge(forwardBytes, s.UnfinishedBytes)
		gauge(forwardParts, s.Assigned, "assigned")
		gauge(forwardParts, s.Ready, "ready")
	}
}
