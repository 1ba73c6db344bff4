package registry

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// ErrURL is returned for an address that is not a URL of HTTP. It does not repeat
// it, since it may hold a password.
var ErrURL = errors.New("the schema registry's address is not a URL such as http://127.0.0.1:8081")

// maxResponse bounds a response of the registry, 16 MiB.
const maxResponse = 16 << 20

var errLargeResponse = fmt.Errorf("the registry's response is larger than %d MiB", maxResponse>>20)

// NewClient returns a client of the registry at an address. A user and a password
// in the address count if none is given; in no case does an error show them.
func NewClient(address, username, password string) (*sr.Client, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return nil, ErrURL
	}
	if user := parsed.User; user != nil && username == "" {
		username = user.Username()
		password, _ = user.Password()
	}
	parsed.User = nil
	options := []sr.ClientOpt{
		sr.URLs(parsed.String()),
		sr.HTTPClient(&http.Client{Timeout: lookupLimit + time.Second, Transport: bounded{http.DefaultTransport}}),
	}
	if username != "" {
		options = append(options, sr.BasicAuth(username, password))
	}
	client, err := sr.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("the schema registry: %w", err)
	}
	return client, nil
}

// bounded ends a response that is too large with an error: the client library reads
// to the end.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{&boundedReader{resp.Body, maxResponse + 1}, resp.Body}
	}
	return resp, err
}

type boundedReader struct {
	io.Reader
	left int
}

func (r *boundedReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errLargeResponse
	}
	n, err := r.Reader.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}
