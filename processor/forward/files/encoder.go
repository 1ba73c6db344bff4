package files

import (
	"errors"
	"io"
	"syscall"

	"inv/processor/forward"
)

// encoder writes the rows of a file. Its output never fails (see spool), so what fails is
// the encoder itself, and the file is dropped.
type encoder interface {
	// add adds the row of a record. If it can't be made, nothing is added, and the error
	// is a *forward.RecordError.
	add(r *forward.Record) error
	// settle ends a series of records: their bytes are not needed any more.
	settle() error
	// held is how many bytes the encoder keeps in memory.
	held() int64
	// release writes what is in memory, as far as the format allows.
	release() error
	// finish ends the file. next is the offset of the next record.
	finish(next int64) error
}

// spool is what encoders write to. It keeps what the file has not taken: a full disk stops
// nobody in the middle of a row.
type spool struct {
	out     file
	waiting []byte
	written int64
	err     error // of the last try
}

// spoolBytes is how much is written at once.
const spoolBytes = 128 << 10

func (s *spool) Write(b []byte) (int, error) {
	s.waiting = append(s.waiting, b...)
	if len(s.waiting) >= spoolBytes && s.err == nil {
		s.err = s.drain()
	}
	return len(b), nil
}

// size is the file's size once everything is written.
func (s *spool) size() int64 { return s.written + int64(len(s.waiting)) }

// drain writes what waits. After an error that passes it can be called again.
func (s *spool) drain() error {
	s.err = nil
	for len(s.waiting) > 0 {
		n, err := s.out.Write(s.waiting)
		s.written += int64(n)
		s.waiting = s.waiting[:copy(s.waiting, s.waiting[n:])]
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			s.err = repeatable(err)
			return s.err
		}
	}
	return nil
}

// fullError says that the disk is full, and that what failed can be done again: nothing was
// done, or it goes on where it stopped. ENOSPC of a sync is none of these.
type fullError struct{ err error }

func (e *fullError) Error() string { return e.err.Error() }

func (e *fullError) Unwrap() error { return e.err }

// repeatable makes an error that a full disk has caused a fullError.
func repeatable(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &fullError{err}
	}
	return err
}

// passes reports whether what failed can be done again.
func passes(err error) bool {
	var full *fullError
	return errors.As(err, &full)
}
