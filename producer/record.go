package producer

// Record is one record to send. Its bytes belong to its batch.
type Record struct {
	Topic     string
	Key       []byte // nil: null
	Value     []byte // nil: a tombstone
	Headers   []Header
	Partition int32
	At        int64  // event time and Kafka timestamp, epoch ms
	Stream    int    // the index of its producer in the plan
	Number    int64  // its number there, from 0; below 0 if it follows from a cycle of causes
	Fault     string // its fault, or ""
}

// Batch is records in sending order, and their memory. Its owner returns it with
// Release.
type Batch struct {
	Records []Record

	slots   []slot
	buf     []byte
	headers []Header
	wrong   error // of the first record that can't be sent
	refused refused
	release func(*Batch)
}

// refused counts the records that don't fit their schemas, which are not sent.
type refused struct {
	records int64
	first   error // a RefusedError
	at      []int // of a batch: which they are
}

func (r *refused) add(records int64, first error) {
	if r.records == 0 {
		r.first = first
	}
	r.records += records
}

// Release returns the memory. The records must no longer be used.
func (b *Batch) Release() { b.release(b) }

// Bytes returns the size of the record's key, value and headers.
func (r *Record) Bytes() int {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// slot identifies a record to render. Everything else follows from it, but for what
// earlier records have kept.
type slot struct {
	n      int64 // the record's or the entity's number
	at     int64 // event time, epoch ms
	stream int32
	step   int32
	state  int32 // at this step
	fault  fault
	skip   bool // a fault delays it
	last   *remembered
	held   bool // and it waited for the next record
}

// NewBatch returns a batch of records whose memory is the caller's.
func NewBatch(records []Record) *Batch {
	return &Batch{Records: records, release: func(*Batch) {}}
}
