package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"inv/internal/termsafe"
	"inv/processor/forward"
)

const (
	maxResponse   = 64 << 10        // of a response that is read
	maxShown      = 200             // bytes of it in an error
	maxRetryAfter = time.Hour       // that a receiver may ask for
	drainTime     = 2 * time.Second // for the rest of a response after its status
)

// Send sends a message once. Its errors are those that docs/dev/forward.md names, without
// secrets.
func (s *Sender) Send(ctx context.Context, m forward.Message) error {
	own, ok := m.(*message)
	if !ok {
		return fmt.Errorf("a message of another sink: %T", m)
	}
	return s.vars.Error(s.send(ctx, own))
}

func (s *Sender) send(ctx context.Context, m *message) error {
	// Not by a Client, whose redirects and cookies are not wanted.
	response, err := s.transport.RoundTrip(m.request(ctx))
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer in time: %w", err)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", s.method, m.url, err)
	}
	text := s.read(response)
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		return nil
	}
	return s.outcome(response, text)
}

// read returns what is shown of a response's body, and reads the rest of it, within bounds,
// so that the connection can be used again. The status is known, and no receiver may hold
// a lane by a body without an end.
func (s *Sender) read(r *http.Response) (text []byte) {
	if r.Body == http.NoBody {
		return nil
	}
	timer := time.AfterFunc(s.drain, func() { _ = r.Body.Close() })
	defer timer.Stop()
	defer func() { _ = r.Body.Close() }() // an error changes no outcome
	body := io.LimitReader(r.Body, maxResponse)
	if r.StatusCode >= 200 && r.StatusCode < 300 {
		_, _ = io.Copy(io.Discard, body)
		return nil
	}
	text, _ = io.ReadAll(body)
	return text
}

// outcome returns the error of a response that is not 2xx.
func (s *Sender) outcome(r *http.Response, text []byte) error {
	err := s.statusError(r, text)
	switch r.StatusCode {
	case http.StatusBadRequest, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return &forward.RecordError{Reason: forward.Refused, Err: err}
	case http.StatusRequestEntityTooLarge:
		return &forward.RecordError{Reason: forward.TooLarge, Err: err}
	case http.StatusConflict, http.StatusTooEarly:
		if s.key == nil {
			return &forward.RecordError{Reason: forward.Refused, Err: err}
		}
	case http.StatusGone:
		return &forward.StopError{Err: err}
	}
	if after, ok := retryAfter(r.Header.Get("Retry-After"), s.now()); ok {
		return &forward.RetryError{After: after, Err: err}
	}
	return err
}

// statusError returns the status and the beginning of the response as an error.
func (s *Sender) statusError(r *http.Response, text []byte) error {
	status := strconv.Itoa(r.StatusCode)
	if name := http.StatusText(r.StatusCode); name != "" {
		status += " " + name
	}
	if r.StatusCode >= 300 && r.StatusCode < 400 {
		status += "; redirects are not followed"
		if to := r.Header.Get("Location"); to != "" {
			status += ": " + s.shown(to)
		}
		return errors.New(status)
	}
	if shown := s.shown(string(text)); shown != "" {
		status += ": " + shown
	}
	return errors.New(status)
}

// shown returns the beginning of what a receiver wrote, on one line and safe to show. What
// is secret is hidden before anything is cut, so that no part of it is left.
func (s *Sender) shown(text string) string {
	text = termsafe.String(strings.Join(strings.Fields(s.vars.Hide(text)), " "))
	if len(text) <= maxShown {
		return text
	}
	end := maxShown
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// retryAfter reads the header Retry-After (RFC 9110, section 10.2.3): seconds or a date.
func retryAfter(text string, now time.Time) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, false
	}
	if strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter, true
		}
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), maxRetryAfter), true
}
