package sinks_test

import (
	"syscall"
	"testing"
	"time"

	"inv/internal/kafkatest"
)

// patience is how long a child may take: the death of another is noticed after a session,
// and the machine may be busy.
const patience = 2 * time.Minute

// A process is killed at each point. Another one goes on: files have each committed record
// once, and a receiver that deduplicates misses nothing, has nothing twice, and no lane out
// of order.
func TestKilledAtEachPoint(t *testing.T) {
	t.Parallel() // it waits more than it works
	for _, c := range []struct {
		sink, point string
		nth         int64
	}{
		{"hooks", "before-send", 150},
		{"hooks", "answered", 150},
		{"hooks", "letter", 1},
		{"groups", "before-send", 5},
		{"groups", "answered", 5},
		{"groups", "intent", 1},
		{"lake", "synced", 2},
		{"lake", "linked", 2},
	} {
		t.Run(c.sink+" "+c.point, func(t *testing.T) {
			t.Parallel()
			kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
				r := newRig(t, brokers)
				r.produce(1000)
				r.start(c.sink, func(cfg *childConfig) {
					cfg.Signal, cfg.Point, cfg.Nth = syscall.SIGKILL, c.point, c.nth
				}).killed(patience)
				r.produce(200)
				r.start(c.sink, drain).succeeds(patience)
				r.check(c.sink)
			})
		})
	}
}

// A process is killed after its request was sent and before the answer.
func TestKilledBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	for _, sink := range []string{"hooks", "groups"} {
		t.Run(sink, func(t *testing.T) {
			t.Parallel()
			kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
				r := newRig(t, brokers)
				r.produce(1000)
				started := make(chan *child, 1)
				r.receiver.unanswered(4, func() { (<-started).signal(syscall.SIGKILL) })
				first := r.start(sink)
				started <- first
				first.killed(patience)
				r.start(sink, drain).succeeds(patience)
				r.check(sink)
			})
		})
	}
}

// A process is stopped for longer than its session, another one takes over, and it goes on.
// It must not publish what is not its own any more.
func TestStoppedPastTheSession(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sink, point string
		nth         int64
	}{
		{"hooks", "answered", 200}, {"groups", "intent", 1}, {"lake", "synced", 2}, {"lake", "linked", 2},
	} {
		t.Run(c.sink+" "+c.point, func(t *testing.T) {
			t.Parallel()
			kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
				r := newRig(t, brokers)
				r.produce(1000)
				first := r.start(c.sink, func(cfg *childConfig) {
					cfg.Signal, cfg.Point, cfg.Nth = syscall.SIGSTOP, c.point, c.nth
				})
				kafkatest.Eventually(t, patience, "the process is stopped", first.stopped)
				r.start(c.sink, drain).succeeds(patience)
				first.signal(syscall.SIGCONT)
				r.produce(300)
				r.start(c.sink, drain).succeeds(patience)
				first.signal(syscall.SIGTERM)
				first.succeeds(20 * time.Second)
				r.check(c.sink)
			})
		})
	}
}

// Up to four processes share a sink, one after the other joins, one is killed, and the
// others leave.
func TestOneToFourProcesses(t *testing.T) {
	t.Parallel()
	for _, sink := range []string{"hooks", "groups", "lake"} {
		t.Run(sink, func(t *testing.T) {
			t.Parallel()
			kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
				r := newRig(t, brokers)
				var all []*child
				for i := range 4 {
					all = append(all, r.start(sink))
					r.produce(400)
					progress := r.receiver.requests
					if sink == "lake" {
						progress = r.published
					}
					before := progress()
					if i < 3 {
						kafkatest.Eventually(t, patience, "something is delivered", func() (bool, error) { return progress() > before, nil })
					}
				}
				all[1].signal(syscall.SIGKILL)
				all[1].killed(patience)
				r.produce(400)
				all[0].signal(syscall.SIGTERM)
				all[0].succeeds(20 * time.Second)
				r.start(sink, drain).succeeds(patience)
				for _, c := range all[2:] {
					c.signal(syscall.SIGTERM)
					c.succeeds(20 * time.Second)
				}
				r.check(sink)
			})
		})
	}
}

// The broker is killed and starts again while a sink delivers.
func TestBrokerIsKilled(t *testing.T) {
	t.Parallel()
	kafkatest.Brokers(t) // skips without Apache Kafka
	node := kafkatest.NewNode(t, nil)
	for _, sink := range []string{"hooks", "lake"} {
		r := newRig(t, node.Brokers())
		r.produce(3000)
		first := r.start(sink)
		progress := r.receiver.requests
		if sink == "lake" {
			progress = r.published
		}
		kafkatest.Eventually(t, patience, "something is delivered", func() (bool, error) { return progress() > 0, nil })
		node.Kill()
		node.Start()
		r.produce(500)
		r.start(sink, drain).succeeds(patience)
		first.signal(syscall.SIGTERM)
		first.succeeds(20 * time.Second)
		r.check(sink)
	}
}
