package fetch

import (
	"context"
	"fmt"
	"slices"
)

// ReadOptions tune Read and ReadChunks. The zero value is fine.
type ReadOptions struct {
	StreamOptions
	// Notice, if not nil, is called with what is worth telling, such as an outage
	// of the brokers.
	Notice func(string)
	// Denied, if not nil, is called with each partition that can't be read, of which
	// the records are left out then; see SkipDenied, which it needs.
	Denied func(Denied)
	// Decoder decodes the records; nil: a new one.
	Decoder *Decoder
	// Damaged, if not nil, is called with each *[BatchError], which then isn't
	// Read's error.
	Damaged func(error)
}

// ReadChunks reads the spans and calls visit with each chunk, a partition's in
// order, until visit returns false: that was enough of that partition. It returns
// when all spans have been read.
func (c *Cluster) ReadChunks(ctx context.Context, spans []Span, o ReadOptions, visit func(*Chunk) (more bool)) error {
	spans = slices.DeleteFunc(slices.Clone(spans), func(s Span) bool { return s.To >= 0 && s.From >= s.To })
	if len(spans) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	stream := c.Stream(ctx, spans, o.StreamOptions)
	defer func() {
		cancel()
		for range stream.Events() { // until the stream's goroutines are done
		}
	}()
	enough := map[ID]bool{}
	for event := range stream.Events() {
		if event.Notice != "" && o.Notice != nil {
			o.Notice(event.Notice)
		}
		if event.Denied != nil && o.Denied != nil {
			o.Denied(*event.Denied)
		}
		for i := range event.Chunks {
			chunk := &event.Chunks[i]
			id := chunk.ID()
			if enough[id] || visit(chunk) {
				continue
			}
			enough[id] = true
			if stream.Drop(id); len(enough) == len(spans) {
				return nil
			}
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := stream.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", spans[0].Topic, err)
	}
	return nil
}

// Read reads the spans and calls visit with each record, a partition's in order,
// until visit returns false: that was enough of that partition. What [Decoder.Each]
// leaves out is left out here, too. The error names the first batch that can't be
// read, if there is one; those behind it have been visited, unless the read was to
// be complete.
func (c *Cluster) Read(ctx context.Context, spans []Span, o ReadOptions, visit func(*Record) (more bool)) error {
	decoder := o.Decoder
	if decoder == nil {
		decoder = NewDecoder()
	}
	var damaged error
	err := c.ReadChunks(ctx, spans, o, func(chunk *Chunk) bool {
		more := true
		err := decoder.Each(chunk, func(r *Record) bool {
			more = visit(r)
			return more
		})
		switch {
		case err == nil:
		case o.Damaged != nil:
			o.Damaged(err)
		case damaged == nil:
			damaged = err
		}
		return more && !(o.Complete && damaged != nil)
	})
	if err == nil {
		err = damaged
	}
	return err
}
