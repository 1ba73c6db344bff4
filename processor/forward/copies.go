package forward

import "github.com/twmb/franz-go/pkg/kgo"

// The client decodes a response as a whole: a value is a view of its batch, which is as much
// as 10 MB, and a record a place in a slice of all of them. One record that waits would keep
// everything that came with it. So what is fetched is copied in runs of a few records at
// once, and the response can go as soon as the last of them was copied.
const (
	runRecords = 256
	runBytes   = 128 << 10 // from which on a run takes no more
	maxNames   = 64        // of headers, that are remembered
)

// copies makes copies of records. It is used by one goroutine.
type copies struct {
	records []Record // of the run, that are not used
	bytes   []byte
	names   []string // of the headers of the records before
}

// begin makes room for the first of the records, and those behind it that belong to its run.
func (c *copies) begin(records []*kgo.Record) {
	bytes, n := 0, 0
	for _, r := range records {
		if n == runRecords || bytes >= runBytes {
			break
		}
		if r.Attrs.IsControl() {
			continue
		}
		bytes += len(r.Key) + len(r.Value)
		for _, h := range r.Headers {
			bytes += len(h.Value)
		}
		n++
	}
	c.records, c.bytes = make([]Record, n), make([]byte, 0, bytes)
}

// next returns a copy of the first of the records, as its partition has it. It takes the
// list of headers, which is no part of the fetch.
func (c *copies) next(records []*kgo.Record) *Record {
	if len(c.records) == 0 {
		c.begin(records)
	}
	r, to := records[0], &c.records[0]
	c.records = c.records[1:]
	to.Topic, to.Partition, to.Offset = r.Topic, r.Partition, r.Offset
	to.At = Place{r.Topic, r.Partition, r.Offset}
	to.Time = r.Timestamp.UnixMilli()
	to.Key, to.Value = c.copy(r.Key), c.copy(r.Value)
	to.Headers = r.Headers
	for i := range to.Headers {
		h := &to.Headers[i]
		h.Key, h.Value = c.name(i, h.Key), c.copy(h.Value)
	}
	return to
}

// name returns the name of the i-th header. Most records have the same names as the one
// before, and each is a string of its own in what the client returns.
func (c *copies) name(i int, name string) string {
	switch {
	case i >= maxNames:
		return name
	case i == len(c.names):
		c.names = append(c.names, name)
	case c.names[i] != name:
		c.names[i] = name
	}
	return c.names[i]
}

// copy appends to the run's bytes. Nothing and the absence of it are different.
func (c *copies) copy(b []byte) []byte {
	if b == nil {
		return nil
	}
	start := len(c.bytes)
	c.bytes = append(c.bytes, b...)
	return c.bytes[start:len(c.bytes):len(c.bytes)]
}
