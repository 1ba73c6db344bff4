package event

import (
	"fmt"
	"strconv"
	"strings"
)

// EntryKind is the kind of an [Entry] of the product log.
type EntryKind uint8

// The kinds, written as "product", "delist", "line" and "receipt".
const (
	EntryProduct EntryKind = iota + 1 // a catalogue record
	EntryDelist                       // a catalogue tombstone
	EntryLine                         // one line of an order
	EntryReceipt                      // stock that arrived
)

// Entry is one line of the product log: one event of one product that ingest
// accepted. A log record holds many, one JSON object per line.
type Entry struct {
	Kind      EntryKind
	ProductID string
	Cause     string // the source record: topic/partition@offset#line
	Timestamp int64  // of the event, or of its record if the event has none
	Quantity  int64  // EntryLine, EntryReceipt
	Price     Money  // EntryLine: the line's unit price
	OrderID   string // EntryLine
	EventID   string // EntryReceipt: the reorder that it fulfils, or ""
	Product   Product
}

// AppendEntry appends e as one line with its line feed.
func AppendEntry(dst []byte, e *Entry) []byte {
	dst = append(dst, `{"k":"`...)
	switch e.Kind {
	case EntryProduct:
		dst = append(dst, "product"...)
	case EntryDelist:
		dst = append(dst, "delist"...)
	case EntryLine:
		dst = append(dst, "line"...)
	case EntryReceipt:
		dst = append(dst, "receipt"...)
	}
	dst = AppendString(append(dst, `","id":`...), e.ProductID)
	dst = AppendString(append(dst, `,"src":`...), e.Cause)
	dst = strconv.AppendInt(append(dst, `,"t":`...), e.Timestamp, 10)
	switch e.Kind {
	case EntryLine:
		dst = strconv.AppendInt(append(dst, `,"q":`...), e.Quantity, 10)
		dst = AppendMoney(append(dst, `,"p":`...), e.Price)
		dst = AppendString(append(dst, `,"o":`...), e.OrderID)
	case EntryReceipt:
		dst = strconv.AppendInt(append(dst, `,"q":`...), e.Quantity, 10)
		dst = AppendString(append(dst, `,"e":`...), e.EventID)
	case EntryProduct:
		dst = appendEntryProduct(dst, &e.Product)
	}
	return append(dst, '}', '\n')
}

func appendEntryProduct(dst []byte, p *Product) []byte {
	dst = AppendString(append(dst, `,"name":`...), p.Name)
	dst = AppendString(append(dst, `,"category":`...), p.Category)
	dst = AppendMoney(append(dst, `,"price":`...), p.Price)
	dst = strconv.AppendInt(append(dst, `,"reorder_threshold":`...), p.ReorderThreshold, 10)
	dst = strconv.AppendInt(append(dst, `,"reorder_quantity":`...), p.ReorderQuantity, 10)
	dst = strconv.AppendInt(append(dst, `,"critical_threshold":`...), p.CriticalThreshold, 10)
	dst = AppendString(append(dst, `,"warehouse_id":`...), p.WarehouseID)
	return strconv.AppendInt(append(dst, `,"initial_stock":`...), p.InitialStock, 10)
}

// ParseEntry reads one line, without its line feed, as AppendEntry writes it:
// these fields in this order. Strings of the result that need no decoding alias
// line; clone those that are kept for long.
func ParseEntry(line string, e *Entry) error {
	s := lineScanner{rest: line}
	*e = Entry{}
	s.text(`{"k":"`)
	switch kind, rest, _ := strings.Cut(s.rest, `"`); kind {
	case "product":
		e.Kind, s.rest = EntryProduct, rest
	case "delist":
		e.Kind, s.rest = EntryDelist, rest
	case "line":
		e.Kind, s.rest = EntryLine, rest
	case "receipt":
		e.Kind, s.rest = EntryReceipt, rest
	default:
		s.bad = true
	}
	e.ProductID = s.string(`,"id":`)
	e.Cause = s.string(`,"src":`)
	e.Timestamp = s.int(`,"t":`)
	switch e.Kind {
	case EntryLine:
		e.Quantity = s.int(`,"q":`)
		e.Price = s.money(`,"p":`)
		e.OrderID = s.string(`,"o":`)
	case EntryReceipt:
		e.Quantity = s.int(`,"q":`)
		e.EventID = s.string(`,"e":`)
	case EntryProduct:
		e.Product = s.product(e.ProductID)
	}
	s.text(`}`)
	if s.bad || s.rest != "" {
		return fmt.Errorf("not an entry of the product log at byte %d: %.100q", len(line)-len(s.rest), line)
	}
	return nil
}

// lineScanner reads JSON whose fields and order are known. After the first mismatch
// it is bad and returns zero values.
type lineScanner struct {
	rest string
	bad  bool
}

func (s *lineScanner) product(id string) Product {
	return Product{
		ID:                id,
		Name:              s.string(`,"name":`),
		Category:          s.string(`,"category":`),
		Price:             s.money(`,"price":`),
		ReorderThreshold:  s.int(`,"reorder_threshold":`),
		ReorderQuantity:   s.int(`,"reorder_quantity":`),
		CriticalThreshold: s.int(`,"critical_threshold":`),
		WarehouseID:       s.string(`,"warehouse_id":`),
		InitialStock:      s.int(`,"initial_stock":`),
	}
}

func (s *lineScanner) text(want string) {
	if s.bad || !strings.HasPrefix(s.rest, want) {
		s.bad = true
		return
	}
	s.rest = s.rest[len(want):]
}

func (s *lineScanner) number(field string) string {
	s.text(field)
	n := 0
	for n < len(s.rest) && (s.rest[n] == '-' || s.rest[n] == '.' || s.rest[n] >= '0' && s.rest[n] <= '9') {
		n++
	}
	if s.bad || n == 0 {
		s.bad = true
		return ""
	}
	number := s.rest[:n]
	s.rest = s.rest[n:]
	return number
}

func (s *lineScanner) int(field string) int64 {
	number := s.number(field)
	if n, ok := shortNumber(number); ok {
		return n
	}
	n, err := strconv.ParseInt(number, 10, 64)
	s.bad = s.bad || err != nil
	return n
}

// shortNumber is the fast path for at most 18 digits without a sign.
func shortNumber(digits string) (n int64, ok bool) {
	for i := range len(digits) {
		d := digits[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + int64(d)
	}
	return n, digits != "" && len(digits) <= 18
}

func (s *lineScanner) money(field string) Money {
	m, err := ParseMoney([]byte(s.number(field)))
	s.bad = s.bad || err != nil
	return m
}

func (s *lineScanner) string(field string) string {
	s.text(field)
	s.text(`"`)
	if s.bad {
		return ""
	}
	end := strings.IndexByte(s.rest, '"')
	if end < 0 {
		s.bad = true
		return ""
	}
	if text := s.rest[:end]; strings.IndexByte(text, '\\') < 0 {
		s.rest = s.rest[end+1:]
		return text
	}
	return s.escaped()
}

// escaped reads a string with escapes after its opening quotation mark.
func (s *lineScanner) escaped() string {
	document := scanner{src: []byte(s.rest), pos: -1}
	text := document.text()
	if document.failed {
		s.bad = true
		return ""
	}
	s.rest = s.rest[document.pos:]
	return string(text)
}
