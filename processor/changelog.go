package processor

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// RetentionError is returned for a changelog whose configuration lets the broker
// delete records by age or size: state would lose what has not changed for long.
type RetentionError struct {
	Topic  string
	Config string // as NAME=VALUE, several with a space between
}

func (e *RetentionError) Error() string {
	return fmt.Sprintf("the changelog %s has %s, so that the broker deletes state that has not changed for a while", e.Topic, e.Config)
}

// refuseLostState looks at the changelogs of a stage: one that has lost its first
// records has lost the state of what has not changed since. A compacted topic
// keeps its first offset, also when the record at it is gone, so an offset above 0
// means that records were deleted by retention or on request.
func (a *application) refuseLostState(ctx context.Context, client *kgo.Client, stage *Stage) error {
	if stage.State == "" {
		return nil
	}
	topic := a.layout.names[stage.State]
	starts, err := a.layout.startsAtFirst(ctx, client, topic)
	if err != nil {
		return err
	}
	for p := range int32(a.layout.count(topic)) {
		start := starts[partitionID(topic, p)]
		switch {
		case start == 0:
		case !a.skips(stage.State):
			return lostStart(stage.State, topic, p, start)
		default:
			a.cfg.Log.Warn("the changelog has lost its first records; what is left is compared with the state that was committed", "topic", topic, "partition", p, "start", start)
		}
	}
	if config := a.layout.deletes[topic]; config != "" {
		return &RetentionError{topic, config}
	}
	return nil
}

// LostStateError is returned for a changelog that begins above offset 0. It is
// wrapped in a [StartOverError].
type LostStateError struct {
	Alias, Topic string
	Partition    int32
	Start        int64 // its first offset
}

func (e *LostStateError) Error() string {
	return fmt.Sprintf("the changelog %s/%d begins at offset %d: what was before it is deleted, by retention or on request, and with it the state of what has not changed since",
		e.Topic, e.Partition, e.Start)
}

func lostStart(alias, topic string, partition int32, start int64) error {
	return &StartOverError{&LostStateError{alias, topic, partition, start}}
}

// deletion returns the configuration by which a broker deletes records of a topic,
// "" if it keeps them.
func deletion(configs map[string]string) string {
	if !strings.Contains(configs["cleanup.policy"], "delete") {
		return ""
	}
	var set []string
	for _, name := range []string{"retention.ms", "retention.bytes"} {
		if n, err := strconv.ParseInt(configs[name], 10, 64); err == nil && n >= 0 {
			set = append(set, name+"="+configs[name])
		}
	}
	if len(set) == 0 {
		return ""
	}
	return "cleanup.policy=" + configs["cleanup.policy"] + " " + strings.Join(set, " ")
}
