package forward

import "time"

// count updates gauges.
func (l *loop) count() {
	var all load
	var lag int64
	ready := int64(0)
	for _, o := range l.parts {
		own := o.load()
		all = all.plus(own)
		lag += int64(own.records) + max(o.end-o.next(), 0)
		if !o.leaving {
			ready++
		}
	}
	l.stats.assigned.Store(int64(len(l.parts)))
	l.stats.ready.Store(ready)
	l.stats.unfinished.Store(int64(all.records))
	l.stats.bytes.Store(int64(all.bytes))
	l.stats.lag.Store(lag)
	l.stats.underWay.Store(int64(l.dispatch.underWay))
}

// load returns what is unfinished of a partition.
func (o *owned) load() load {
	if o.storage != nil {
		return o.storage.load()
	}
	return load{o.tracker.unfinished(), o.tracker.bytes}
}

// next returns the offset behind what was read.
func (o *owned) next() int64 {
	if o.storage != nil {
		return o.storage.readTo()
	}
	return o.tracker.next
}

// balanceLoad lets the reader wait, or partitions that have too much unfinished.
func (l *loop) balanceLoad() {
	now := time.Now()
	var flowing load
	stalled := false
	for _, o := range l.parts {
		if stalled = stalled || o.paused; !o.paused {
			flowing = flowing.plus(o.load())
		}
	}
	reads := l.pausing.reads(flowing, now)
	for _, o := range l.parts {
		awaited := l.awaits(o)
		switch id := map[string][]int32{o.Topic: {o.id.Partition}}; {
		case !o.paused && !awaited && l.pausing.pause(o.load(), len(l.parts), stalled, now):
			o.paused = true
			l.client.PauseFetchPartitions(id)
		case o.paused && (awaited || l.pausing.resume(o.load(), len(l.parts))):
			o.paused = false
			l.client.ResumeFetchPartitions(id)
		}
		reads = reads || awaited
		stalled = stalled || o.paused
	}
	l.crowded = stalled || !reads
	l.reader.open(reads)
}
