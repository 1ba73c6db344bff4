package txn_test

import (
	"context"
	"slices"
	"testing"

	"inv/internal/kafka/produce"
	"inv/internal/kafka/txn"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// newPair is newOwn with two producers in turn.
func newPair(s *stage) loop {
	o := &own{stage: s, committed: -1}
	o.err = o.start(func(ctx context.Context, cfg txn.Config) (err error) {
		if o.sender, err = produce.New(o.client, produce.Options{TransactionalID: id}); err != nil {
			return err
		}
		turns := txn.NewTurns(o.client, o.sender, cfg)
		o.begin, o.abandon = turns.Begin, turns.Abandon
		return turns.Init(ctx)
	})
	return o
}

// ended returns the transactional ids whose transactions are ended from now on, in order.
func (s *stage) ended() (ids *[]string) {
	ids = new([]string)
	s.fake.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		s.fake.KeepControl()
		s.mu.Lock()
		defer s.mu.Unlock()
		*ids = append(*ids, req.(*kmsg.EndTxnRequest).TransactionalID)
		return nil, nil, false
	})
	return ids
}

func TestTurns(t *testing.T) {
	for _, c := range []struct {
		name    string
		version int
		denied  bool // the second id
		want    []string
	}{
		{"in turn", 2, false, []string{id, id + "/2nd", id, id + "/2nd"}},
		{"one, before KIP-890", 1, false, []string{id, id, id, id}},
		{"one, without a right to the second", 2, true, []string{id, id, id, id}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &stage{t: t, answers: map[int16][]int16{}}
			s.start(c.version)
			s.playing = false
			ended := s.ended()
			if c.denied {
				s.fake.ControlKey(int16(kmsg.InitProducerID), func(req kmsg.Request) (kmsg.Response, error, bool) {
					s.fake.KeepControl()
					if *req.(*kmsg.InitProducerIDRequest).TransactionalID == id {
						return nil, nil, false
					}
					return withCode(req, kerr.TransactionalIDAuthorizationFailed.Code), nil, true
				})
			}
			l := newPair(s)
			for n := range c.want {
				if err := l.transaction(1+n, n%2 == 1); err != nil {
					t.Fatal(err)
				}
			}
			s.finish(l, newPair)
			if got := (*ended)[:len(c.want)]; !slices.Equal(got, c.want) {
				t.Errorf("ended %q, want %q", got, c.want)
			}
		})
	}
}
