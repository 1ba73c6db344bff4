package forward

import (
	"errors"
	"strings"
	"testing"

	"inv/internal/kafka/acl"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A refused commit names the topic or the group that a permission lacks for, also if the
// broker answers with topic IDs alone.
func TestUncommittedNamesItsResource(t *testing.T) {
	req := kmsg.NewPtrOffsetCommitRequest()
	for i, name := range []string{"orders", "updates"} {
		topic := kmsg.NewOffsetCommitRequestTopic()
		topic.Topic, topic.TopicID = name, [16]byte{byte(i + 1)}
		req.Topics = append(req.Topics, topic)
	}
	answered := kmsg.NewOffsetCommitResponseTopic()
	answered.TopicID = [16]byte{2}
	if got := nameIn(req, answered); got != "updates" {
		t.Errorf("the topic with the ID 2 is %q, want updates", got)
	}
	for err, want := range map[error]acl.Resource{
		kerr.TopicAuthorizationFailed: acl.Topic("updates"),
		kerr.GroupAuthorizationFailed: acl.Group("inv-forward-lake"),
	} {
		got := uncommitted(err, "inv-forward-lake", "updates", 3)
		var denied *acl.DeniedError
		if !errors.As(got, &denied) || denied.Resource != want || !strings.Contains(got.Error(), "updates/3") {
			t.Errorf("%v: %v, want one of %v", err, got, want)
		}
	}
}
