// Package dashboard shows the inventory live: on a web page with an API, and in
// the terminal. It reads only topics, read_committed and without a consumer group,
// so it works with any processor and is stateless.
//
// [Model] is the pure core: records in, frames out. A frame is a snapshot or what
// changed since one. [Hub] shares a model among readers. Nothing is queued for
// them, so a slow reader gets more changes at a time and never delays others. The
// reader fills the hub from Kafka, the handler serves it over HTTP, and the terminal
// draws it.
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
	"strconv"
	"sync"
	"syscall"
	"time"

	"inv/inspect"
	"inv/internal/httpguard"
	"inv/internal/kafka"
)

// Errors that Run wraps.
var (
	ErrPortInUse = errors.New("the port is in use")
	ErrAddress   = errors.New("invalid address") // of Listen
)

// Hints tell users what to do. They may name flags and commands, which this package
// does not know. An empty one is left out.
type Hints struct {
	NoProducts string // the catalogue is empty
	Host       string // a request was refused for its Host
	Token      string // a request was refused for lack of a token
}

func withHint(message, hint string) string {
	if hint == "" {
		return message
	}
	return message + ": " + hint
}

// Group is a consumer group with the topics that it reads.
type Group struct {
	Name   string
	Topics []string
	// Optional reports that the group may never be there, which is then not mentioned.
	Optional bool
}

// Options configures Run.
type Options struct {
	Kafka  kafka.Config
	Topics Topics
	Groups []Group // consumer groups whose lag is shown
	// Schemas returns a decoder of the topics' records for a goroutine; nil: they need
	// none.
	Schemas func() inspect.SchemaDecoder
	// Currency is the ISO 4217 code of all amounts, such as EUR. Records have none; if
	// it is empty, amounts are shown without.
	Currency string

	Listen     string   // HOST:PORT; port 0 picks a free one
	Token      string   // required of readers; "": none on loopback, else a random one
	AllowHosts []string // host names of the page besides localhost
	Hints      Hints

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

// Run serves the page until ctx is done; then it returns nil. It fails if it can't
// listen or no broker responds at the start. Later outages are waited out.
func Run(ctx context.Context, o Options) error {
	ln, err := listen(o.Listen)
	if err != nil {
		return err
	}
	defer ln.Close()
	if !ln.Addr().(*net.TCPAddr).IP.IsLoopback() {
		o.expose()
	}
	return withHub(ctx, &o, func(ctx context.Context, hub *Hub) error {
		return serve(ctx, ln, hub, &o)
	})
}

// expose prepares for requests from other machines: it sets a token and allows this
// machine's names.
func (o *Options) expose() {
	if o.Token == "" {
		o.Token = rand.Text()
	}
	o.AllowHosts = append(slices.Clone(o.AllowHosts), httpguard.LocalNames(o.Listen)...)
}

// withHub calls use with a hub that is kept up to date from the topics.
func withHub(ctx context.Context, o *Options, use func(context.Context, *Hub) error) error {
	o.defaults()
	client, err := kafka.Connect(ctx, o.Kafka)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer client.Close()
	// A broker handles the fetches of a connection in order: on the same one, long
	// polls for new records would delay fetches of existing ones.
	follower, err := kafka.New(o.Kafka)
	if err != nil {
		return err
	}
	defer follower.Close()
	ctx, cancel := context.WithCancel(ctx)
	hub := NewHub(o.Topics.Orders, o.Now)
	hub.SetCurrency(o.Currency)
	hub.SetOutputs(o.Topics.Outputs)
	r := &reader{client: client, follower: follower, hub: hub, topics: o.Topics, groups: o.Groups, schemas: o.Schemas, clock: o.Now, log: o.Log,
		told: map[string]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() { hub.Publish(ctx) })
	wg.Go(func() { r.run(ctx) })
	defer wg.Wait()
	defer cancel()
	return use(ctx, hub)
}

func serve(ctx context.Context, ln net.Listener, hub *Hub, o *Options) error {
	server := &http.Server{
		Handler:           NewHandler(hub, Access{o.Token, o.AllowHosts, o.Hints}),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	o.Listening(address(ln.Addr().(*net.TCPAddr), o.Token))
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving the dashboard: %w", err)
	case <-ctx.Done():
	}
	// Event streams end with ctx; other responses get a moment to complete.
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
		return nil, fmt.Errorf("%w to listen on: %q is not HOST:PORT, such as 127.0.0.1:8080", ErrAddress, at)
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
		return nil, fmt.Errorf("listening on %s: %w; ports below 1024 are reserved", at, err)
	case err != nil:
		return nil, fmt.Errorf("listening on %s: %w", at, err)
	}
	return ln, nil
}

// address returns the URL of the page.
func address(a *net.TCPAddr, token string) string {
	host := a.IP.String()
	if name, err := os.Hostname(); err == nil && a.IP.IsUnspecified() {
		host = name
	}
	url := "http://" + net.JoinHostPort(host, strconv.Itoa(a.Port)) + "/"
	if token != "" {
		url += "?token=" + token
	}
	return url
}
