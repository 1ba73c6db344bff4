package processor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"inv/internal/event"
	"inv/processor/rules"
)

// stateFormat is the first byte of a ledger changelog value. It changes with
// the layout: a state of another format is refused, not guessed at.
const stateFormat = 1

// Flags of an encoded state.
const (
	flagOpened = 1 << iota
	flagDelisted
	flagLow
)

var errState = errors.New("not a state of the ledger")

// appendState appends a product's state as the changelog and the ledger's
// memory have it, with the log offset that it includes. The product's id is the
// record's key and not in it.
func appendState(dst []byte, s *rules.State, applied int64) []byte {
	dst = append(dst, stateFormat)
	dst = binary.AppendVarint(dst, applied)
	var flags byte
	if s.Opened {
		flags |= flagOpened
	}
	if s.Delisted {
		flags |= flagDelisted
	}
	if s.Low {
		flags |= flagLow
	}
	dst = append(dst, flags)
	p := &s.Product
	for _, n := range [...]int64{
		s.Stock, s.Seq, s.OpenReorder, int64(p.Price), p.ReorderThreshold, p.ReorderQuantity,
		p.CriticalThreshold, p.InitialStock, int64(len(s.Waiting)),
	} {
		dst = binary.AppendVarint(dst, n)
	}
	for _, t := range [...]string{p.Name, p.Category, p.WarehouseID, s.LastOrderID, s.LastReorderID} {
		dst = append(binary.AppendVarint(dst, int64(len(t))), t...)
	}
	for i := range s.Waiting {
		dst = event.AppendEntry(dst, &s.Waiting[i])
	}
	return dst
}

// stateApplied is the log offset that an encoded state includes.
func stateApplied(encoded []byte) (int64, error) {
	if len(encoded) == 0 {
		return 0, errState
	}
	if encoded[0] != stateFormat {
		return 0, fmt.Errorf("%w: its format is %d, this program's is %d; use the inv that wrote it, or inv reset --app-id", errState, encoded[0], stateFormat)
	}
	applied, n := binary.Varint(encoded[1:])
	if n <= 0 {
		return 0, errState
	}
	return applied, nil
}

// parseState reads what appendState wrote.
func parseState(id string, encoded []byte) (rules.State, error) {
	var s rules.State
	if _, err := stateApplied(encoded); err != nil {
		return s, err
	}
	r := stateReader{rest: string(encoded[1:])}
	r.int()
	flags := r.byte()
	s.Opened, s.Delisted, s.Low = flags&flagOpened != 0, flags&flagDelisted != 0, flags&flagLow != 0
	s.Stock, s.Seq, s.OpenReorder = r.int(), r.int(), r.int()
	p := &s.Product
	if s.Opened {
		p.ID = id
	}
	p.Price = event.Money(r.int())
	p.ReorderThreshold, p.ReorderQuantity, p.CriticalThreshold, p.InitialStock = r.int(), r.int(), r.int(), r.int()
	waiting := r.int()
	p.Name, p.Category, p.WarehouseID = r.text(), r.text(), r.text()
	s.LastOrderID, s.LastReorderID = r.text(), r.text()
	for range waiting {
		line, rest, ok := strings.Cut(r.rest, "\n")
		e, err := event.ParseEntry(line)
		if err != nil || !ok {
			return s, errState
		}
		s.Waiting, r.rest = append(s.Waiting, e), rest
	}
	if r.bad || r.rest != "" {
		return s, errState
	}
	return s, nil
}

// stateReader reads varints and the texts that they give the length of.
type stateReader struct {
	rest string
	bad  bool
}

func (r *stateReader) byte() byte {
	if r.rest == "" {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *stateReader) int() int64 {
	var u uint64
	for shift := 0; shift < 64; shift += 7 {
		b := r.byte()
		u |= uint64(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	return int64(u>>1) ^ -int64(u&1) // zigzag, as binary.AppendVarint writes
}

func (r *stateReader) text() string {
	n := r.int()
	if n < 0 || n > int64(len(r.rest)) {
		r.bad = true
		return ""
	}
	t := r.rest[:n]
	r.rest = r.rest[n:]
	return t
}
