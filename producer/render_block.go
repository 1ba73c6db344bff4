package producer

// blockWidth returns how many bytes a record of the stream takes up in a block; 0 if its
// records must be rendered one by one, since they depend on more than their numbers and
// times.
func blockWidth(s *stream, o Options) int {
	c := &s.record
	if o.NoEvents && len(idHeader(s.writers.Value))+len(idHeader(s.writers.Key)) > 0 {
		return 0
	}
	if len(o.Faults) > 0 || len(s.rows) > 0 || s.machine != nil || s.revisits || s.from != nil || s.memory != nil ||
		c.program == nil || c.route != nil || c.partition != nil || len(c.headers) > 0 || c.key != nil && c.program.keyAt == 0 {
		return 0
	}
	width, ok := c.program.width()
	if !ok {
		return 0
	}
	if !o.NoEvents {
		width += 2*digitsRoom + len(clockText{}.text) // the seed, the number and the time
	}
	// An odd number of cache lines: with a power of two, the same offsets in many
	// records would compete for the same few cache sets.
	width = ((width+63)/64 | 1) * 64
	if width > mostWidth {
		return 0
	}
	return width
}

// ahead returns how many slots, from the first one, make up a block; 0: none.
func (r *renderer) ahead(slots []slot) int {
	stream := slots[0].stream
	if r.streams[stream].width == 0 {
		return 0
	}
	slots = slots[:min(len(slots), blockRecords)]
	for i := range slots {
		if slots[i].stream != stream {
			return i
		}
	}
	return len(slots)
}

// block renders a block of records.
func (r *renderer) block(w *worker, b *Batch, slots []slot, records []Record) {
	stream, about := r.plan.streams[slots[0].stream], &r.streams[slots[0].stream]
	k, first, size := &w.block, len(b.buf), len(slots)*about.width
	b.buf = withRoom(b.buf, size+stepRoom)[:first+size]
	k.size, k.buf = len(slots), b.buf[:first+size+stepRoom]
	for i := range slots {
		s := &slots[i]
		k.n[i], k.at[i], k.h[i], k.end[i] = s.n, s.at, recordKey(stream.random, s.n), first+i*about.width
	}
	p := stream.record.program
	for i := range p.steps {
		p.steps[i].column(w, k)
	}
	for i := range records {
		rec, start, end := &records[i], first+i*about.width, k.end[i]
		*rec = Record{Topic: about.topic, Value: b.buf[start:end:end], At: k.at[i], Stream: stream.index, Number: k.n[i]}
		if p.keyAt > 0 {
			rec.Key = b.buf[start+p.keyAt : k.keyEnd[i] : k.keyEnd[i]]
		}
		rec.Partition = partitionOf(about.partitioner, rec.Key, rec.Number, about.partitions)
	}
	if r.events {
		r.blockHeaders(w, b, about, records)
	}
}

// blockHeaders adds the CloudEvents headers, with their text after the values. Records
// with the same time share its text.
func (r *renderer) blockHeaders(w *worker, b *Batch, about *rendered, records []Record) {
	var at []byte
	for i := range records {
		rec, start := &records[i], w.block.end[i]
		id := w.number.append(append(b.buf[:start], about.prefix...), rec.Number)
		if i == 0 || rec.At != records[i-1].At {
			text := w.clock.append(id, rec.At)
			at = text[len(id):len(text):len(text)]
		}
		first := len(b.headers)
		b.headers = about.appendIDs(append(b.headers, about.fixed...), rec, nil)
		rec.Headers = b.headers[first:len(b.headers):len(b.headers)]
		rec.Headers[len(about.fixed)-2].Value = id[start:len(id):len(id)]
		rec.Headers[len(about.fixed)-1].Value = at
	}
}
