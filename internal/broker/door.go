package broker

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// door is the gate's part that records come through.
type door struct {
	*gate
	decoder *fetch.Decoder
}

func newDoor(g *gate) *door { return &door{g, fetch.NewDecoder()} }

// batchRefusal is why a batch is refused, with its records' errors.
type batchRefusal struct {
	refusal
	records []kmsg.ProduceResponseTopicPartitionErrorRecord
}

// errRefusedUnasked closes the connection of a producer that wants no responses, as
// Apache Kafka does.
var errRefusedUnasked = errors.New("refused, and acks is 0")

// tryAgain is for the other batches of a request: clients send them again, without the
// one that is refused.
var tryAgain = refusal{err: kerr.NotEnoughReplicas}

// produce refuses batches that are too large for their topic, and with records that it
// doesn't take.
func (d *door) produce(request kmsg.Request) (kmsg.Response, error) {
	req, ok := request.(*kmsg.ProduceRequest)
	if !ok {
		return nil, nil
	}
	var batches []batchRefusal
	var parts []refusal
	for _, t := range req.Topics {
		topic, unknown := d.cluster.TopicInfo(t.Topic), kerr.UnknownTopicOrPartition
		if req.Version >= 13 {
			topic, unknown = d.cluster.TopicIDInfo(t.TopicID), kerr.UnknownTopicID
		}
		for _, p := range t.Partitions {
			b := batchRefusal{refusal: refusal{err: unknown}}
			if topic != nil {
				b = d.check(req.Version, topic, p.Partition, p.Records)
			}
			batches, parts = append(batches, b), append(parts, b.refusal)
		}
	}
	if parts = withOthers(parts, tryAgain); parts == nil {
		return nil, nil
	}
	if req.Acks == 0 {
		return nil, errRefusedUnasked
	}
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.Partition, rp.BaseOffset = p.Partition, -1
			rp.ErrorCode, rp.ErrorMessage = parts[0].fields()
			rp.ErrorRecords = batches[0].records
			rt.Partitions = append(rt.Partitions, rp)
			parts, batches = parts[1:], batches[1:]
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp, nil
}

const (
	zstdSince = 7  // version of produce requests (KIP-110)
	codecAt   = 22 // place in a batch, in the low three bits
)

// check returns why a topic does not take a batch. What isn't a batch at all is left to
// kfake, which refuses it.
func (d *door) check(version int16, topic *kfake.TopicInfo, partition int32, batch []byte) (b batchRefusal) {
	if d.cluster.PartitionInfo(topic.Topic, partition) == nil {
		return batchRefusal{refusal: refusal{err: kerr.UnknownTopicOrPartition}}
	}
	if version < zstdSince && len(batch) > codecAt && kgo.CompressionCodecType(batch[codecAt]&7) == kgo.CodecZstd {
		return batchRefusal{refusal: refusal{err: kerr.UnsupportedCompressionType}}
	}
	limit := maxMessageBytes
	if own, ok := setting(topic, "max.message.bytes"); ok {
		if n, err := strconv.Atoi(strings.TrimSpace(own)); err == nil {
			limit = n
		}
	}
	if len(batch) > limit {
		return batchRefusal{refusal: refusal{err: kerr.MessageTooLarge}}
	}
	keys := compacted(topic)
	earliest, latest, times := timestamps(topic, time.Now().UnixMilli())
	if !keys && !times {
		return b
	}
	var keyless []string
	index := int32(0)
	chunk := fetch.Chunk{Topic: topic.Topic, Partition: partition, Batches: batch}
	err := d.decoder.Each(&chunk, func(r *fetch.Record) bool {
		message := ""
		switch {
		case keys && r.Key == nil:
			message = fmt.Sprintf("Compacted topic cannot accept message without key in topic partition %s-%d", topic.Topic, partition)
			keyless = append(keyless, fmt.Sprintf("RecordError(batchIndex=%d, message='%s')", index, message))
		case times && (r.Timestamp < earliest || r.Timestamp > latest):
			message = fmt.Sprintf("Timestamp %d of message with offset %d is out of range. The timestamp should be within [%d, %d]", r.Timestamp, r.Offset, earliest, latest)
			b.err = kerr.InvalidTimestamp
		}
		if message != "" {
			e := kmsg.NewProduceResponseTopicPartitionErrorRecord()
			e.RelativeOffset, e.ErrorMessage = index, &message
			b.records = append(b.records, e)
		}
		index++
		return true
	})
	switch {
	case err != nil:
		return batchRefusal{}
	case b.err == kerr.InvalidTimestamp:
		b.message = "One or more records have been rejected due to invalid timestamp"
	case len(keyless) > 0:
		b.err = kerr.InvalidRecord
		b.message = fmt.Sprintf("One or more records have been rejected due to %d record errors in total, and only showing the first three errors at most: [%s]",
			len(keyless), strings.Join(keyless[:min(3, len(keyless))], ", "))
	}
	return b
}

// timestamps returns which timestamps a topic takes, if it limits them itself: the
// broker's default has no limit.
func timestamps(topic *kfake.TopicInfo, now int64) (earliest, latest int64, limited bool) {
	limit := func(name string) int64 {
		own, ok := setting(topic, name)
		n, err := strconv.ParseInt(strings.TrimSpace(own), 10, 64)
		if !ok || err != nil {
			return math.MaxInt64
		}
		limited = true
		return n
	}
	if kind, _ := setting(topic, "message.timestamp.type"); kind == "LogAppendTime" {
		return 0, 0, false // the broker's own
	}
	earliest, latest = now-limit("message.timestamp.before.max.ms"), math.MaxInt64
	if after := limit("message.timestamp.after.max.ms"); after < math.MaxInt64-now {
		latest = now + after
	}
	return earliest, latest, limited
}

func compacted(topic *kfake.TopicInfo) bool {
	policy, _ := setting(topic, "cleanup.policy")
	return strings.Contains(policy, "compact")
}

// deleted reports whether old records of a topic are deleted.
func deleted(topic *kfake.TopicInfo) bool {
	policy, ok := setting(topic, "cleanup.policy")
	return !ok || strings.Contains(policy, "delete")
}
