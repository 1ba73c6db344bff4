package inventory

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"inv/internal/event"
	"inv/processor"
	"inv/processor/inventory/rules"
)

// stateFormat is the first byte of a value in the ledger's changelog. It changes
// with the layout: a state of another format is refused.
const stateFormat = 1

// The changelog has one record for each product, and one for each entry that
// waits for its product, which is deleted when it has been applied. Their keys
// are p/ID and w/N/ID, where N counts the product's waiting entries from 0.
const productKey = "p/"

func waitingKey(n int, id string) []byte {
	key := append(strconv.AppendInt([]byte("w/"), int64(n), 10), '/')
	return append(key, id...)
}

// appendWaiting encodes a waiting entry for the changelog.
func appendWaiting(dst []byte, e *event.Entry, applied int64) []byte {
	dst = append(dst, stateFormat)
	dst = binary.AppendVarint(dst, applied)
	return event.AppendEntry(dst, e)
}

// parseWaiting decodes a record of waitingKey and appendWaiting; value is nil if
// the entry has been applied since.
func parseWaiting(key, value []byte) (n int, id string, e event.Entry, err error) {
	number, id, ok := strings.Cut(strings.TrimPrefix(string(key), "w/"), "/")
	n, err = strconv.Atoi(number)
	if err != nil || !ok {
		return 0, "", e, errState
	}
	if value == nil {
		return n, id, e, nil
	}
	if _, err := stateApplied(value); err != nil {
		return 0, "", e, err
	}
	_, size := binary.Varint(value[1:])
	err = event.ParseEntry(strings.TrimSuffix(string(value[1+size:]), "\n"), &e)
	return n, id, e, err
}

// Flags of an encoded state.
const (
	flagOpened = 1 << iota
	flagDelisted
	flagLow
)

var errState = processor.StartOver("not a state of the ledger; use the version that wrote it")

// appendState appends a product's state as the changelog and the ledger's
// memory have it, with the log offset that it includes. The product's id and
// what waits for it are not in it.
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
		p.CriticalThreshold, p.InitialStock,
	} {
		dst = binary.AppendVarint(dst, n)
	}
	for _, t := range [...]string{p.Name, p.Category, p.WarehouseID, s.LastOrderID, s.LastReorderID} {
		dst = append(binary.AppendVarint(dst, int64(len(t))), t...)
	}
	return dst
}

// stateApplied returns the log offset that an encoded state includes.
func stateApplied(encoded []byte) (int64, error) {
	if len(encoded) == 0 {
		return 0, errState
	}
	if encoded[0] != stateFormat {
		return 0, fmt.Errorf("its format is %d, this program's is %d: %w", encoded[0], stateFormat, errState)
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
	p.Name, p.Category, p.WarehouseID = r.text(), r.text(), r.text()
	s.LastOrderID, s.LastReorderID = r.text(), r.text()
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
