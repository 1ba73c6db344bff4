package declared

import (
	"encoding/json"
	"fmt"
	"strconv"

	"inv/internal/jsonscan"
)

// meta is the value of the partition's own record.
type meta struct {
	Format    int             `json:"format"`
	Applied   int64           `json:"applied"`
	Latest    json.RawMessage `json:"latest"` // by source partition; null: it is empty
	Parts     json.RawMessage `json:"parts"`
	Watermark *int64          `json:"watermark"` // null: undefined
	Time      int64           `json:"time"`
	Held      *int64          `json:"held"` // null: no line waits
}

const metaFormat = 1

// restore makes the clock show what it showed when own was written.
func (c *clock) restore(own *meta) error {
	for parts := jsonscan.Open(own.Parts); ; {
		topic, count, ok := parts.Member()
		if !ok {
			break
		}
		n, err := strconv.ParseInt(string(count), 10, 32)
		if err != nil {
			return fmt.Errorf("%w: %w", errChangelog, err)
		}
		c.parts = append(c.parts, topicParts{string(jsonscan.Unquote(topic)), int32(n)})
	}
	for latest := jsonscan.Open(own.Latest); ; {
		name, t, ok := latest.Member()
		if !ok {
			break
		}
		topic, partition, ok := partitionName(jsonscan.Unquote(name))
		if !ok {
			return fmt.Errorf("%w: the partition %.300q", errChangelog, name)
		}
		s := &c.sources[c.at(topic, partition)]
		if s.state = empty; string(t) == "null" {
			continue
		}
		n, err := strconv.ParseInt(string(t), 10, 64)
		if err != nil {
			return fmt.Errorf("%w: %w", errChangelog, err)
		}
		s.state, s.latest = heardOf, n
	}
	if own.Watermark != nil {
		c.reading = reading{true, *own.Watermark, own.Time}
	}
	return nil
}

// appendMeta encodes what the partition's own record has.
func (m *Machine) appendMeta(dst []byte) []byte {
	dst = strconv.AppendInt(append(dst, `{"format":1,"applied":`...), m.applied, 10)
	dst = append(dst, `,"latest":{`...)
	comma := false
	for _, i := range m.clock.sorted() {
		s := &m.clock.sources[i]
		if s.state == unheard {
			continue
		}
		if comma {
			dst = append(dst, ',')
		}
		comma = true
		dst = append(append(append(dst, '"'), s.topic...), '/')
		dst = append(strconv.AppendInt(dst, int64(s.partition), 10), `":`...)
		if s.state == empty {
			dst = append(dst, "null"...)
		} else {
			dst = strconv.AppendInt(dst, s.latest, 10)
		}
	}
	dst = append(dst, `},"parts":{`...)
	for i, p := range m.clock.parts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), p.topic...), `":`...)
		dst = strconv.AppendInt(dst, int64(p.count), 10)
	}
	dst = append(dst, '}')
	if m.clock.known {
		dst = strconv.AppendInt(append(dst, `,"watermark":`...), m.clock.watermark, 10)
		dst = strconv.AppendInt(append(dst, `,"time":`...), m.clock.time, 10)
	}
	if lowest, ok := m.held.lowest(); ok {
		dst = strconv.AppendInt(append(dst, `,"held":`...), lowest, 10)
	}
	return append(dst, '}')
}

// restoreMeta takes up what the partition's own record has.
func (m *Machine) restoreMeta() error {
	m.lowest = -1
	text := m.raw[metaKey]
	if text == nil {
		return nil
	}
	var own meta
	if err := json.Unmarshal(text, &own); err != nil || own.Format != metaFormat {
		return fmt.Errorf("%w: the partition's own has %.200q", errChangelog, text)
	}
	m.applied = own.Applied
	if own.Held != nil {
		m.lowest = *own.Held
	}
	return m.clock.restore(&own)
}
