package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// receiver is a system outside Kafka, for scripts. It appends a line to a file for each
// request, and refuses those whose body has a text.
type receiver struct {
	mu     sync.Mutex
	file   string
	code   int
	refuse string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // the client is gone
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	code := http.StatusOK
	if r.refuse != "" && strings.Contains(string(body), r.refuse) {
		code = r.code
	}
	f, err := os.OpenFile(r.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = fmt.Fprintln(f, code, q.Method, q.URL.Path, q.Header.Get("Webhook-Id"), string(body))
		_ = f.Close()
	}
	if err != nil {
		code = http.StatusInternalServerError
	}
	w.WriteHeader(code)
}

// receiverKey is where a script's receiver is among its values.
type receiverKey struct{}

// receiverCmd starts a receiver, whose address is then in $RECEIVER, or changes what it
// refuses.
func receiverCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 && len(args) != 3 {
		ts.Fatalf("usage: receiver FILE [CODE TEXT]")
	}
	r, ok := ts.Value(receiverKey{}).(*receiver)
	if !ok {
		ts.Fatalf("the script has no receiver")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.file, r.refuse = ts.MkAbs(args[0]), ""
	if len(args) == 3 {
		code, err := strconv.Atoi(args[1])
		ts.Check(err)
		r.code, r.refuse = code, args[2]
	}
}

// addReceiver gives a script a receiver at $RECEIVER.
func addReceiver(env *testscript.Env) {
	r := &receiver{file: os.DevNull}
	server := httptest.NewServer(r)
	env.Values[receiverKey{}] = r
	env.Setenv("RECEIVER", server.URL)
	env.Defer(server.Close)
}
