package webhook

import (
	"io"
	"log"
	"testing"
	"time"
)

// quiet is the log of servers whose clients are to fail.
var quiet = log.New(io.Discard, "", 0)

// TestSignatures compares with the example of Standard Webhooks' own libraries, and with
// two secrets while they rotate.
func TestSignatures(t *testing.T) {
	at := time.Unix(1614265330, 0)
	body := []byte(`{"test": 2432232314}`)
	const id, first = "msg_p5jXN8AQM9LWM0D4loKWxJek", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	one, err := newSigner(secretA)
	if err != nil {
		t.Fatal(err)
	}
	timestamp, got := one.sign(id, at, body)
	if timestamp != "1614265330" || got != first {
		t.Errorf("%s: %s", timestamp, got)
	}
	other, err := newSigner(secretB)
	if err != nil {
		t.Fatal(err)
	}
	_, second := other.sign(id, at, body)
	both, err := newSigner("  " + secretA + "\n\t" + secretB + " ")
	if err != nil {
		t.Fatal(err)
	}
	if _, got := both.sign(id, at, body); got != first+" "+second || second == first {
		t.Error(got)
	}
	if _, got := one.sign(id, at, []byte(`{"test": 2432232315}`)); got == first {
		t.Error("another body has the same signature")
	}
	if _, got := one.sign(id, at.Add(time.Second), body); got == first {
		t.Error("another time has the same signature")
	}
}
