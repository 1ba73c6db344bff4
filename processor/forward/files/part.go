package files

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"inv/processor/forward"
)

const (
	maxFileBytes = 256 << 20 // when a file is full, whatever its rows
	sizeEvery    = 64        // rows after which the size is looked at
)

// part is a file that is being written, or waits to be published.
type part struct {
	hidden string // its name until then
	first  int64  // offset of its first row
	last   int64  // offset of its last row
	shown  int64  // what _offset of the last row is: in a retry topic another one
	rows   int64
	began  time.Time

	out   file // nil once it is durable
	spool *spool
	enc   encoder

	// finished says that it takes no more rows, and next is the offset of the record
	// behind it then.
	finished bool
	next     int64
	checked  bool
}

// full reports whether nothing more belongs into the file.
func (p *part) full(most int64) bool {
	return p.finished || p.rows >= most || p.spool.size()+p.enc.held() >= maxFileBytes
}

// add adds records until the file is full, and returns how many. The error is a
// *forward.RecordError, or the encoder's.
func (p *part) add(records []*forward.Record, most int64) (n int, err error) {
	for n < len(records) && p.rows < most && (n%sizeEvery > 0 || !p.full(most)) {
		r := records[n]
		if err = p.enc.add(r); err != nil {
			break
		}
		if p.rows == 0 {
			p.first = r.At.Offset
		}
		p.last, p.shown = r.At.Offset, r.Offset
		p.rows++
		n++
	}
	if broken := p.enc.settle(); broken != nil {
		return n, broken
	}
	return n, err
}

// finish ends the rows. next is the offset of the record behind them.
func (p *part) finish(next int64) error {
	if p.finished {
		return nil
	}
	if err := p.enc.finish(next); err != nil {
		return err
	}
	p.finished, p.next = true, next
	return nil
}

// save makes a finished file durable. If an error passes, it can be called again.
func (p *part) save() error {
	if p.out == nil {
		return nil
	}
	if err := p.spool.drain(); err != nil {
		return err
	}
	err := errors.Join(p.out.Sync(), p.out.Close())
	p.out = nil
	return err
}

// drop closes the file, and removes it if asked to.
func (p *part) drop(f folder, remove bool) {
	if p.out != nil {
		_ = p.out.Close() // nobody needs what it has
		p.out = nil
	}
	if remove {
		_ = f.sys.Remove(f.join(p.hidden)) // otherwise the next owner does
	}
}

// check reads a saved file by its name, and compares.
func (p *part) check(f folder, format string, compressed bool) error {
	if p.checked {
		return nil
	}
	in, err := f.sys.Open(f.join(p.hidden))
	if errors.Is(err, fs.ErrNotExist) {
		return errTaken // and removed by the next owner
	}
	if err != nil {
		return err
	}
	defer in.Close()
	var rows, got, want int64
	if format == "parquet" {
		rows, got, err = checkParquet(in)
		want = p.next
	} else {
		rows, got, err = checkText(in, format == "csv", compressed)
		want = p.shown
	}
	if err == nil && (rows != p.rows || got != want) {
		err = fmt.Errorf("it has %d rows to %d, and should have %d to %d", rows, got, p.rows, want)
	}
	if err != nil {
		return fmt.Errorf("%s, when it was read again: %w", f.join(p.hidden), err)
	}
	p.checked = true
	return nil
}
