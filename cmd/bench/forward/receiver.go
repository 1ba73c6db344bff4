package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
)

// sample is a request that the receiver got.
type sample struct {
	Method, Body string
	Header       http.Header
}

// requestsHeader has the number of requests since the last GET.
const requestsHeader = "X-Requests"

// receiver answers requests with 204 as soon as it has read them. GET has their number, and
// one of them.
type receiver struct {
	requests atomic.Int64
	last     atomic.Pointer[sample]
}

func (s *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		w.Header().Set(requestsHeader, strconv.FormatInt(s.requests.Swap(0), 10))
		_ = json.NewEncoder(w).Encode(s.last.Swap(nil)) // the client sees an error
		return
	}
	var body []byte
	var err error
	if s.last.Load() == nil {
		if body, err = io.ReadAll(r.Body); err == nil {
			s.last.Store(&sample{r.Method, string(body), r.Header.Clone()})
		}
	} else {
		_, err = io.Copy(io.Discard, r.Body)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.requests.Add(1)
	w.WriteHeader(http.StatusNoContent)
}

// receive serves until the context ends, and prints the URL first.
func receive(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: &receiver{}}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	fmt.Fprintf(os.Stderr, "http://%s/\n", l.Addr())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
