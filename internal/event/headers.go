package event

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// CloudEvents attributes in Kafka's binary mode.
const (
	HeaderSpecVersion = "ce_specversion"
	HeaderType        = "ce_type"
	HeaderSource      = "ce_source"
	HeaderID          = "ce_id"
	HeaderTime        = "ce_time"
	HeaderContentType = "content-type"
)

// Event types, each ending in the major version that inv writes and reads.
const (
	TypeProduct = "inventory.product.v1"
	TypeOrder   = "inventory.order.v1"
	TypeUpdate  = "inventory.update.v1"
	TypeReorder = "inventory.reorder.v1"
	TypeAlert   = "inventory.alert.v1"
	TypeReceipt = "inventory.receipt.v1"
)

// majorVersion is the version of the types above, and currentVersion their suffix.
const majorVersion = 1

var currentVersion = []byte(".v1")

// Headers of a dead letter: its source, the stage that refused it, and the reason.
// They precede the record's own headers.
const (
	HeaderDLQTopic     = "dlq-topic"
	HeaderDLQPartition = "dlq-partition"
	HeaderDLQOffset    = "dlq-offset"
	HeaderDLQTimestamp = "dlq-timestamp" // of the refused record, epoch ms
	HeaderDLQStage     = "dlq-stage"
	HeaderDLQReason    = "dlq-reason" // a Reason
	HeaderDLQMessage   = "dlq-message"
	HeaderDLQTruncated = "dlq-truncated" // the value's length before it was cut, in bytes
)

// HeaderDLQReplay marks a record that was replayed from a dead-letter topic; its
// value is the [Place] there. HeaderDLQHistory is repeated, once per refusal, with
// its place and reason.
const (
	HeaderDLQReplay  = "dlq-replay"
	HeaderDLQHistory = "dlq-history"
)

// HeaderDLQReplayTo names the topic into which a dead letter is replayed, in partition
// 0, if it is not the one that it came from; the origin's headers then go along, since
// the record stands for another. HeaderDLQRecipient is whom its message was for, if the
// others got theirs. Both come before HeaderDLQMessage, so that headers of the refused
// record, which come after it, can't redirect a replay.
const (
	HeaderDLQReplayTo  = "dlq-replay-to"
	HeaderDLQRecipient = "dlq-recipient"
)

// HeaderFault names the fault that the generator injected.
const HeaderFault = "inv-fault"

// Envelope holds the CloudEvents attributes of a record.
type Envelope struct {
	Type   string // one of the Type constants
	Source string // the application id, or inv/<scenario>/<producer>
	ID     string
	Time   int64 // event time, epoch ms
	// ContentType is that of the value; "": application/json.
	ContentType string
}

// AppendHeaders appends the CloudEvents headers of a record. All values share one
// allocation.
func AppendHeaders(dst []kgo.RecordHeader, e Envelope) []kgo.RecordHeader {
	const specVersion, timeLayout = "1.0", "2006-01-02T15:04:05.000Z"
	contentType := cmp.Or(e.ContentType, "application/json")
	room := len(specVersion) + len(e.Type) + len(e.Source) + len(e.ID) + len(timeLayout) + len(contentType)
	buf := make([]byte, 0, room+8)
	add := func(key string, written []byte) {
		value := written[len(buf):len(written):len(written)]
		buf = written
		dst = append(dst, kgo.RecordHeader{Key: key, Value: value})
	}
	add(HeaderSpecVersion, append(buf, specVersion...))
	add(HeaderType, append(buf, e.Type...))
	add(HeaderSource, append(buf, e.Source...))
	add(HeaderID, append(buf, e.ID...))
	add(HeaderTime, time.UnixMilli(e.Time).UTC().AppendFormat(buf, timeLayout))
	add(HeaderContentType, append(buf, contentType...))
	return dst
}

// Header returns the value of the last header with this key.
func Header(headers []kgo.RecordHeader, key string) (value []byte, ok bool) {
	for i := len(headers) - 1; i >= 0; i-- {
		if headers[i].Key == key {
			return headers[i].Value, true
		}
	}
	return nil, false
}

// FirstHeader returns the value of the first header with this key. Use it for the
// headers of a dead letter, which precede the record's own headers; those may have
// the same names.
func FirstHeader(headers []kgo.RecordHeader, key string) (value []byte, ok bool) {
	for i := range headers {
		if headers[i].Key == key {
			return headers[i].Value, true
		}
	}
	return nil, false
}

// CheckVersion returns an error if the record's headers show that inv can't read
// it: its ce_type ends in another major version, or its content type is that of
// CloudEvents in structured mode, whose value is an envelope. A record without these
// headers, or a type without a version, counts as the current version.
func CheckVersion(headers []kgo.RecordHeader) error {
	if err := CheckMode(headers); err != nil {
		return err
	}
	value, ok := Header(headers, HeaderType)
	if !ok || bytes.HasSuffix(value, currentVersion) {
		return nil
	}
	if major, ok := ParseVersion(string(value)); ok && major != majorVersion {
		return &Error{UnknownVersion, fmt.Sprintf("ce_type is %s; this program reads major version %d", quote(string(value)), majorVersion)}
	}
	return nil
}

// CheckMode returns an error if the record's content type is that of CloudEvents in
// structured mode: it is the part of [CheckVersion] that does not depend on the type.
func CheckMode(headers []kgo.RecordHeader) error {
	if value, ok := Header(headers, HeaderContentType); ok && isStructured(value) {
		return structured("content-type is " + quote(string(value)))
	}
	return nil
}

// isStructured reports whether a content type is one of CloudEvents in structured
// mode, or of a batch of them.
func isStructured(contentType []byte) bool {
	const prefix = "application/cloudevents"
	return len(contentType) >= len(prefix) && strings.EqualFold(string(contentType[:len(prefix)]), prefix)
}

func structured(why string) *Error {
	return &Error{StructuredMode, why + "; only binary mode is read"}
}

// ParseVersion returns the major version at the end of a ce_type: 2 for
// inventory.order.v2 and for inventory.order.v2.1. A number that overflows int is -1.
func ParseVersion(ceType string) (major int, ok bool) {
	for rest := ceType; ; {
		dot := strings.LastIndexByte(rest, '.')
		part := rest[dot+1:]
		if digits, isVersion := strings.CutPrefix(part, "v"); isVersion && allDigits(digits) {
			if major, err := strconv.Atoi(digits); err == nil {
				return major, true
			}
			return -1, true
		}
		if dot < 0 || !allDigits(part) {
			return 0, false
		}
		rest = rest[:dot]
	}
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// ReorderID returns the id of the reorder that an update caused. Like all ids that
// the processor assigns, it is a function of the cause, so that reprocessing
// yields the same ids.
func ReorderID(product string, seq int64) string {
	return "reorder-" + product + "-" + strconv.FormatInt(seq, 10)
}

// AlertID returns the id of the alert that an update caused.
func AlertID(product string, seq int64) string {
	return "alert-" + product + "-" + strconv.FormatInt(seq, 10)
}

// ReceiptID returns the id of the receipt that fulfils a reorder.
func ReceiptID(eventID string) string { return "receipt-" + eventID }
