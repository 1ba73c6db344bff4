package mutate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"inv/inspect/verify"

	"github.com/twmb/franz-go/pkg/kgo"
)

// line is a record in a file, or, without a partition, a topic's partitions.
// Keys, values and headers are texts; null is null.
type line struct {
	Topic      string       `json:"topic"`
	Partitions int32        `json:"partitions,omitempty"`
	Partition  *int32       `json:"partition,omitempty"`
	Offset     int64        `json:"offset"`
	Timestamp  int64        `json:"timestamp"`
	Key        *string      `json:"key"`
	Value      *string      `json:"value"`
	Headers    [][2]*string `json:"headers,omitempty"`
}

// Write writes a history as JSON Lines. Keys, values and headers must be UTF-8.
func Write(w io.Writer, h *verify.History) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for _, topic := range slices.Sorted(maps.Keys(h.Partitions)) {
		if err := out.Encode(&line{Topic: topic, Partitions: h.Partitions[topic]}); err != nil {
			return err
		}
		for _, r := range h.Records[topic] {
			l := line{Topic: topic, Partition: &r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli(), Key: textPointer(r.Key), Value: textPointer(r.Value)}
			for _, header := range r.Headers {
				l.Headers = append(l.Headers, [2]*string{&header.Key, textPointer(header.Value)})
			}
			if err := out.Encode(&l); err != nil {
				return err
			}
		}
	}
	return nil
}

func textPointer(b []byte) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}

// Read reads what Write has written.
func Read(r io.Reader) (*verify.History, error) {
	h := &verify.History{Records: map[string][]*kgo.Record{}, Partitions: map[string]int32{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("a line of a history: %w", err)
		}
		if l.Partition == nil {
			h.Partitions[l.Topic] = l.Partitions
			continue
		}
		record := &kgo.Record{Topic: l.Topic, Partition: *l.Partition, Offset: l.Offset, Timestamp: time.UnixMilli(l.Timestamp), Key: bytesOf(l.Key), Value: bytesOf(l.Value)}
		for _, header := range l.Headers {
			if header[0] != nil {
				record.Headers = append(record.Headers, kgo.RecordHeader{Key: *header[0], Value: bytesOf(header[1])})
			}
		}
		h.Records[l.Topic] = append(h.Records[l.Topic], record)
	}
	return h, lines.Err()
}

func bytesOf(s *string) []byte {
	if s == nil {
		return nil
	}
	return []byte(*s)
}
