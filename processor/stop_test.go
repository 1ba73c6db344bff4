package processor_test

import (
	"context"
	"testing"
	"time"

	"inv/internal/broker"
	"inv/internal/kafkatest"
)

// A processor stops within 10 s although its broker is gone.
func TestStopsWithoutItsBroker(t *testing.T) {
	t.Parallel() // it waits more than it works
	b, err := broker.Start(broker.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	gone := false
	defer func() {
		if !gone {
			b.Close()
		}
	}()
	// Not newSystem, which deletes the topics in the end.
	s := &system{t: t, brokers: []string{b.Addr()}, prefix: "stop", client: kafkatest.Client(t, []string{b.Addr()}), scenario: renamed(t, "stop"), names: builtIn()}
	_, orders := s.backlog(500)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		cfg := s.config()
		cfg.Drain = false
		_, err := cfg.run(ctx)
		ended <- err
	}()
	s.untilCommitted("ingest", "orders", int64(len(orders)))
	b.Close()
	gone = true
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("error %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("still running")
	}
}
