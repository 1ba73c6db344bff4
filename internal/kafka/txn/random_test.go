package txn_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Random scripts: whatever brokers answer, and whenever a loop is replaced, the
// client library's loop and these write every record once.
func TestRandomScripts(t *testing.T) {
	for seed := range uint64(20) {
		script := randomScript(seed)
		for side, open := range map[string]func(*stage) loop{"own": newOwn, "pair": newPair, "plain": newPlain} {
			t.Run(fmt.Sprintf("%d/%s", seed, side), func(t *testing.T) {
				t.Parallel()
				defer func() {
					if t.Failed() {
						t.Logf("the script:\n%s", script)
					}
				}()
				play(t, []byte(script), open)
			})
		}
	}
}

// randomScript returns one that consumes at most as many records as there are.
func randomScript(seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 7))
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	var b strings.Builder
	fmt.Fprintf(&b, "version %d\n", 1+rng.IntN(2))
	for left := records; left > 0; {
		if rng.IntN(2) == 0 {
			key := pick("InitProducerID", "AddPartitionsToTxn", "AddOffsetsToTxn", "TxnOffsetCommit", "TxnOffsetCommit", "Produce", "Produce", "EndTxn")
			fmt.Fprintf(&b, "answer %s %s %d\n", key, randomCode(key, pick), 1+rng.IntN(2))
		}
		switch rng.IntN(8) {
		case 0:
			b.WriteString("fence\n")
		case 1:
			b.WriteString("restart\n")
		}
		n := 1 + rng.IntN(3)
		left -= n
		if left >= 0 {
			fmt.Fprintf(&b, "%s %d\n", pick("transaction", "large"), n)
		}
		b.WriteString("restart\n") // the last may have failed
	}
	return b.String()
}

// randomCode returns one that brokers answer such a request with.
func randomCode(key string, pick func(...string) string) string {
	switch key {
	case "InitProducerID":
		return pick("CONCURRENT_TRANSACTIONS", "COORDINATOR_LOAD_IN_PROGRESS", "NOT_COORDINATOR", "COORDINATOR_NOT_AVAILABLE")
	case "AddPartitionsToTxn", "AddOffsetsToTxn":
		return pick("CONCURRENT_TRANSACTIONS", "COORDINATOR_LOAD_IN_PROGRESS", "NOT_COORDINATOR", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH")
	case "TxnOffsetCommit":
		return pick("COORDINATOR_LOAD_IN_PROGRESS", "NOT_COORDINATOR", "ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "REBALANCE_IN_PROGRESS", "INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED")
	case "Produce":
		return pick("NOT_LEADER_FOR_PARTITION", "NOT_ENOUGH_REPLICAS", "REQUEST_TIMED_OUT", "UNKNOWN_TOPIC_ID", "CONCURRENT_TRANSACTIONS", "INVALID_PRODUCER_EPOCH", "TRANSACTION_ABORTABLE", "INVALID_TXN_STATE")
	}
	return pick("CONCURRENT_TRANSACTIONS", "COORDINATOR_LOAD_IN_PROGRESS", "NOT_COORDINATOR", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH")
}
