package broker_test

import (
	"path/filepath"
	"testing"

	"inv/internal/broker"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestDataSize(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if size, err := broker.DataSize(dir); err != nil || size != (broker.Size{}) {
		t.Errorf("a folder that doesn't exist: %+v, %v", size, err)
	}
	b := start(t, broker.Options{DataDir: dir})
	brokers := []string{b.Addr()}
	topic := kafkatest.Topic(t, brokers, "size", 2)
	client := kafkatest.Client(t, brokers, kgo.ProducerBatchCompression(kgo.NoCompression()))
	for range 5 { // a batch each
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: make([]byte, 1000)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	size, err := broker.DataSize(dir)
	if err != nil || size.Batches != 5 || size.Bytes < 5000 || size.Bytes > 6000 {
		t.Errorf("five batches of 1,000 bytes: %+v, %v", size, err)
	}
	// Measured: when it had just been read, when it had just been written, and while it
	// was read after a kill.
	for _, c := range []struct {
		size               broker.Size
		read, written, top int64
	}{
		{broker.Size{Bytes: 134e6, Batches: 301_282}, 38e6, 64e6, 194e6},
		{broker.Size{Bytes: 428e6, Batches: 950_213}, 95e6, 156e6, 465e6},
	} {
		kept, most := c.size.Memory()
		if kept < c.read || kept < c.written*8/10 || kept > c.written*12/10 || most < c.top || most > c.top*13/10 {
			t.Errorf("%+v: estimated %d and %d bytes of memory, measured %d to %d and %d", c.size, kept, most, c.read, c.written, c.top)
		}
	}
}
