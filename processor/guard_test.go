package processor_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"inv/internal/kafkatest"
	"inv/processor"

	"github.com/twmb/franz-go/pkg/kadm"
)

func TestOutputsOfAnotherApplicationAreRefused(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		s.backlog(100)
		s.drain()
		other := s.prefix + "-other"
		_, err := s.try(func(c *config) { c.AppID = other })
		var others *processor.OtherApplicationError
		if !errors.As(err, &others) || others.App != s.prefix || others.Topic != s.topic("updates") {
			t.Errorf("error %v", err)
		}
		kafkatest.DeleteAfter(t, s.client, other+"-product-log", other+"-ledger-changelog", other+"-procurement-changelog")
	})
}

func TestTopicDeletedWhileRunning(t *testing.T) {
	t.Parallel() // it waits more than it works
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		cases := []bool{true}
		if os.Getenv("INV_KAFKA") != "" {
			cases = []bool{false, true} // a topic that stays away is noticed after some seconds
		}
		for _, recreated := range cases {
			s := newSystem(t, brokers)
			s.backlog(100)
			ended := make(chan error, 1)
			go func() {
				_, err := s.tryFor(time.Minute, func(c *config) { c.Drain = false })
				ended <- err
			}()
			s.untilCommitted("ingest", "orders", 100)
			if recreated {
				s.recreate("orders")
			} else if _, err := kadm.NewClient(s.client).DeleteTopic(t.Context(), s.topic("orders")); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err == nil || !strings.Contains(err.Error(), s.topic("orders")) {
				t.Errorf("recreated %t: error %v", recreated, err)
			}
		}
	})
}
