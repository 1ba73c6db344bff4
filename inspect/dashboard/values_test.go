package dashboard_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"inv/inspect"
	"inv/inspect/dashboard"
	"inv/internal/kafkatest"
	"inv/internal/theme"

	"github.com/twmb/franz-go/pkg/kgo"
)

// encoded decodes values that encode made, through a registry that may be away.
type encoded struct{ away atomic.Bool }

const mark = "\x00\x00"

func encode(value []byte) []byte {
	if value == nil {
		return nil
	}
	return append([]byte(mark), value...)
}

func (e *encoded) decoder() inspect.SchemaDecoder { return &decoder{of: e} }

type decoder struct {
	of   *encoded
	room []byte
}

type awayError struct{ error }

func (awayError) Away() bool { return true }

func (d *decoder) Decode(r *inspect.Record, _ func()) error {
	payload, marked := strings.CutPrefix(string(r.Value), mark)
	switch {
	case r.Value == nil:
		return nil
	case d.of.away.Load():
		return errors.Join(nil, awayError{errors.New("asking the registry: refused")})
	case !marked:
		return errors.New("it is not framed")
	}
	d.room = append(d.room[:0], payload...)
	r.Value = d.room
	return nil
}

// Encoded topics show the same numbers. While the registry is away what is there stays
// and the status says so, and nothing is missing when it is back.
func TestEncodedTopics(t *testing.T) {
	t.Parallel()
	of := &encoded{}
	of.away.Store(true)
	w := newEncodedWorld(t, kafkatest.Embedded(t), 20, 200, of)
	w.run()
	troubled := func(f *frame) bool { return strings.Contains(f.Status.Trouble, "asking the registry: refused") }
	w.eventually("the registry is missing at the start", troubled)
	of.away.Store(false)
	w.loaded()
	right := func(what string) {
		t.Helper()
		for _, p := range w.store.Products() {
			kafkatest.Eventually(t, patience, what, func() (bool, error) {
				got, err := w.stock(p.ID)
				return got == p.Stock, errors.Join(err, fmt.Errorf("%s has %d, want %d", p.ID, got, p.Stock))
			})
		}
	}
	right("the numbers are right")
	of.away.Store(true)
	before := w.store.Products()[3].Stock
	w.sell(w.store.Products()[3], 1)
	w.eventually("the registry is missing", troubled)
	if got, err := w.stock(w.store.Products()[3].ID); got != before || err != nil {
		t.Errorf("while the registry is away: %d (%v), want %d as before", got, err, before)
	}
	of.away.Store(false)
	right("nothing is lost")
	if err := w.client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	broken := &kgo.Record{Topic: w.topics.Updates, Key: []byte("x"), Value: []byte("\x00\x01\x1b[2J")}
	err := w.client.ProduceSync(t.Context(), broken).FirstErr()
	if err = errors.Join(err, w.client.EndTransaction(t.Context(), kgo.TryCommit)); err != nil {
		t.Fatal(err)
	}
	w.sell(w.store.Products()[4], 1)
	right("it goes on after a broken record")
	kafkatest.Eventually(t, patience, "the broken record is counted", func() (bool, error) {
		var f struct {
			Status   struct{ Trouble string }
			Problems struct {
				Gaps      int64
				Malformed []struct{ Count int }
			}
		}
		err := w.get("/api/summary", &f)
		return len(f.Problems.Malformed) == 1 && f.Problems.Gaps == 0 && f.Status.Trouble == "", errors.Join(err, fmt.Errorf("%+v", f))
	})
}

// Once does not wait for a registry for ever.
func TestOnceWithoutTheRegistry(t *testing.T) {
	t.Parallel()
	of := &encoded{}
	w := newEncodedWorld(t, kafkatest.Embedded(t), 3, 0, of)
	if err := dashboard.Once(t.Context(), w.options(nil), io.Discard, true, dashboard.NewScreen(&theme.Theme{})); err != nil {
		t.Fatal(err)
	}
	of.away.Store(true)
	err := dashboard.Once(t.Context(), w.options(nil), io.Discard, true, dashboard.NewScreen(&theme.Theme{}))
	if err == nil || !strings.Contains(err.Error(), "incomplete: asking the registry: refused") {
		t.Errorf("error %v", err)
	}
}
