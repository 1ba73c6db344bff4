// Package dashboard shows the inventory as it happens: a web page with its API,
// and a terminal. It reads topics and nothing else, read_committed and without a
// consumer group, so it works with anybody's processor and has no state to lose.
//
// [Model] is the pure core: records in, frames out, where a frame is a snapshot
// or what has changed since one. [Hub] shares one model among its readers;
// nothing is queued for any of them, so a slow one gets more change at a time
// and never holds up the others. The reader fills the hub from Kafka, the
// handler serves it over HTTP, and the terminal draws it.
package dashboard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"inv/internal/kafka"
)

// Errors of Run that it wraps.
var (
	ErrPortInUse = errors.New("the port is in use") // something listens there
	ErrAddress   = errors.New("no such address")    // Listen can't be right
)

// Options configures Run.
type Options struct {
	Kafka  kafka.Config
	Topics Topics
	Groups []string // consumer groups whose lag is shown

	Listen     string   // HOST:PORT; port 0 takes a free one
	Token      string   // asked of every reader; "": none on loopback, a random one elsewhere
	AllowHosts []string // names beside localhost by which the page is reached

	Listening func(url string) // called with the URL, including the token, once listening
	Log       func(message string)
	Now       func() time.Time
}

func (o *Options) defaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	if o.Listening == nil {
		o.Listening = func(string) {}
	}
}

// Run serves the page until ctx is done; then it returns nil. It fails when no
// broker answers at the start and when it can't listen; brokers that go away
// later are waited for.
func Run(ctx context.Context, o Options) error {
	o.defaults()
	ln, err := listen(o.Listen)
	if err != nil {
		return err
	}
	defer ln.Close()
	if !isLoopback(ln.Addr()) {
		o.expose()
	}
	return withHub(ctx, &o, func(ctx context.Context, hub *Hub) error {
		return serve(ctx, ln, hub, &o)
	})
}

// expose prepares for requests from other machines: it sets a token and allows
// the names of this host.
func (o *Options) expose() {
	if o.Token == "" {
		o.Token = rand.Text()
	}
	host, _, _ := net.SplitHostPort(o.Listen) // it has been listened on
	o.AllowHosts = append(slices.Clone(o.AllowHosts), strings.ToLower(host))
	if name, err := os.Hostname(); err == nil {
		o.AllowHosts = append(o.AllowHosts, strings.ToLower(name))
	}
}

// withHub calls use with a hub that is kept up to date from the topics.
func withHub(ctx context.Context, o *Options, use func(context.Context, *Hub) error) error {
	client, err := kafka.Connect(ctx, o.Kafka)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer client.Close()
	// A broker answers the fetches of one connection in order: long polls for new
	// records would delay fetches of existing ones.
	follower, err := kafka.New(o.Kafka)
	if err != nil {
		return err
	}
	defer follower.Close()
	ctx, cancel := context.WithCancel(ctx)
	hub := NewHub(o.Topics.Orders, o.Now)
	r := &reader{client, follower, hub, o.Topics, o.Groups, o.Now, o.Log}
	var wg sync.WaitGroup
	wg.Go(func() { hub.Publish(ctx) })
	wg.Go(func() { r.run(ctx) })
	defer wg.Wait()
	defer cancel()
	return use(ctx, hub)
}

func serve(ctx context.Context, ln net.Listener, hub *Hub, o *Options) error {
	server := &http.Server{
		Handler:           NewHandler(hub, Access{o.Token, o.AllowHosts}),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	o.Listening(address(ln.Addr(), o.Token))
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving the dashboard: %w", err)
	case <-ctx.Done():
	}
	// The streams end with ctx; a moment for answers that are being written.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if server.Shutdown(last) != nil {
		server.Close()
	}
	return nil
}

func listen(at string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, fmt.Errorf("%w to listen on: %q; it is HOST:PORT, such as 127.0.0.1:8080", ErrAddress, at)
	}
	ln, err := net.Listen("tcp", at)
	var unknown *net.DNSError
	var bad *net.AddrError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w: %s", ErrPortInUse, net.JoinHostPort(host, port))
	case errors.As(err, &unknown), errors.As(err, &bad):
		return nil, fmt.Errorf("%w to listen on: %w", ErrAddress, err)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("listening on %s: %w; ports below 1024 are the system's", at, err)
	case err != nil:
		return nil, fmt.Errorf("listening on %s: %w", at, err)
	}
	return ln, nil
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// address returns the URL to open.
func address(a net.Addr, token string) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return "http://" + a.String() + "/"
	}
	if ip := net.ParseIP(strings.Trim(host, "[]")); ip != nil && ip.IsUnspecified() {
		if name, err := os.Hostname(); err == nil {
			host = name
		}
	}
	url := "http://" + net.JoinHostPort(host, port) + "/"
	if token != "" {
		url += "?token=" + token
	}
	return url
}
