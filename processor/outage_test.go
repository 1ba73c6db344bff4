package processor_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"inv/internal/broker"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// said is a log whose lines a test waits for.
type said struct {
	slog.Handler
	mu    sync.Mutex
	lines []string
}

func newSaid() *said {
	s := &said{}
	s.Handler = slog.NewTextHandler(s, nil)
	return s
}

func (s *said) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, string(line))
	return len(line), nil
}

// has reports whether a line has all the texts.
func (s *said) has(texts ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
lines:
	for _, line := range s.lines {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue lines
			}
		}
		return true
	}
	return false
}

// after returns what follows a text in the first line that has it.
func (s *said) after(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.lines {
		if _, rest, ok := strings.Cut(line, text); ok {
			return rest
		}
	}
	return ""
}

// wait waits for a line with all the texts.
func (s *said) wait(t *testing.T, texts ...string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			s.mu.Lock()
			defer s.mu.Unlock()
			t.Logf("what was said:\n%s", strings.Join(s.lines, ""))
		}
	}()
	kafkatest.Eventually(t, time.Minute, fmt.Sprintf("a line with %q", texts), func() (bool, error) { return s.has(texts...), nil })
}

// killAt stops a broker when all instances have sent it a request of a kind.
type killAt struct {
	key       int16
	instances sync.WaitGroup // that have not
	once      sync.Once
	stop      func()
}

// killHook is for one instance's clients.
type killHook struct {
	k    *killAt
	once sync.Once
}

func (h *killHook) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if key != h.k.key || err != nil {
		return
	}
	h.once.Do(func() {
		h.k.instances.Done()
		h.k.instances.Wait()
		h.k.once.Do(h.k.stop)
	})
}

// Instances that are not ready yet wait for a broker that is killed, as those do that
// are ready: whatever they were about to ask it.
func TestInstancesThatAreNotReadyWaitForTheBroker(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.CreateTopics, kmsg.OffsetFetch, kmsg.ListOffsets, kmsg.JoinGroup} {
		t.Run(key.Name(), func(t *testing.T) {
			t.Parallel()
			options := broker.Options{Listen: "127.0.0.1:0", DataDir: t.TempDir()}
			b, err := broker.Start(options)
			if err != nil {
				t.Fatal(err)
			}
			options.Listen = b.Addr()
			prefix := "wait"
			s := &system{t: t, brokers: []string{b.Addr()}, prefix: prefix, client: kafkatest.Client(t, []string{b.Addr()}), scenario: renamed(t, prefix), names: builtIn()}
			if key != kmsg.CreateTopics {
				_, _ = s.backlog(50)
			}
			log := newSaid()
			stopped := make(chan struct{})
			kill := &killAt{key: int16(key), stop: func() { b.Close(); close(stopped) }}
			kill.instances.Add(2)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			ended := make(chan error, 2)
			for _, instance := range []string{"a", "b"} {
				go func() {
					cfg := s.config()
					cfg.Instance, cfg.Log = instance, slog.New(log)
					cfg.Kafka.Options = append(cfg.Kafka.Options, kgo.WithHooks(&killHook{k: kill}))
					_, err := cfg.run(ctx)
					ended <- err
				}()
			}
			<-stopped
			if key == kmsg.CreateTopics { // what else they ask may be asked again without a word
				log.wait(t, "waiting for the brokers")
			}
			again, err := broker.Start(options)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			for range 2 {
				if err := <-ended; err != nil || ctx.Err() != nil {
					t.Errorf("ended with %v, %v", err, ctx.Err())
				}
			}
		})
	}
}
