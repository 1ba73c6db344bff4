package processor

import (
	"strings"

	"inv/internal/deadletter"
	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kgo"
)

// deadLetterSuffix ends the name of a dead-letter topic.
const deadLetterSuffix = ".dlq"

// DeadLetterTopic returns the name of a topic's dead-letter topic.
func DeadLetterTopic(topic string) string { return topic + deadLetterSuffix }

// Wrote reports whether an application wrote a record of one of the topics that
// [WrittenTopics] returns. All dead letters count as its own.
func Wrote(app string, r *kgo.Record) bool {
	if strings.HasSuffix(r.Topic, deadLetterSuffix) {
		_, letter := event.FirstHeader(r.Headers, event.HeaderDLQTopic)
		return letter
	}
	source, _ := event.Header(r.Headers, event.HeaderSource)
	return string(source) == app
}

// DeadLetter returns the record that puts r into its dead-letter topic, see
// [deadletter.New]. maxBytes is the largest batch of that topic.
func DeadLetter(r *kgo.Record, stage, reason, message string, maxBytes int) *kgo.Record {
	return deadletter.New(r, deadletter.Refusal{Topic: DeadLetterTopic(r.Topic), Stage: stage, Reason: reason, Message: message, MaxBytes: maxBytes})
}
