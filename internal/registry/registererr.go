package registry

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// IncompatibleError is a schema that the registry refuses after the earlier ones.
type IncompatibleError struct {
	Subject  string
	Version  int      // the latest; 0: not known
	Level    string   // such as BACKWARD; "": not known
	Messages []string // the registry's
	Changes  []string // from that version, by field; see [Diff]
}

func (e *IncompatibleError) Error() string { return strings.Join(e.lines(), "\n") }

// Unwrap returns the lines of the text, which are shown as lines.
func (e *IncompatibleError) Unwrap() []error {
	var errs []error
	for _, line := range e.lines() {
		errs = append(errs, errors.New(line))
	}
	return errs
}

func (e *IncompatibleError) lines() []string {
	first := "it is not compatible with "
	if e.Version > 0 {
		first += fmt.Sprintf("version %d of ", e.Version)
	}
	if first += e.Subject; e.Level != "" {
		first += ", whose level is " + e.Level
	}
	lines := []string{first}
	for _, change := range e.Changes {
		lines = append(lines, "  changed: "+change)
	}
	for _, message := range e.Messages {
		lines = append(lines, "  the registry: "+message)
	}
	return lines
}

// MissingSchemaError is a schema that is not registered under its subject, and that is
// not to be.
type MissingSchemaError struct {
	Subject  string
	Versions bool // the subject has other schemas
}

func (e *MissingSchemaError) Error() string {
	if e.Versions {
		return fmt.Sprintf("no version of subject %s has this schema", e.Subject)
	}
	return fmt.Sprintf("there is no subject %s", e.Subject)
}

// RegistryError is a request that the registry refuses, or an answer that is none of a
// registry's.
type RegistryError struct {
	Doing  string // what was asked for
	Status int    // of HTTP; 0: the answer is malformed
	Text   string // what the registry says
	err    error
}

func (e *RegistryError) Error() string {
	switch {
	case e.Denied():
		return fmt.Sprintf("the schema registry denies access (%d %s): %s", e.Status, http.StatusText(e.Status), e.Text)
	case e.Status != 0:
		return fmt.Sprintf("%s: the schema registry answers %d: %s", e.Doing, e.Status, e.Text)
	}
	return fmt.Sprintf("%s: what answers is no schema registry: %s", e.Doing, e.Text)
}

// Unwrap returns the cause.
func (e *RegistryError) Unwrap() error { return e.err }

// Denied reports whether the user, the password or a right is missing.
func (e *RegistryError) Denied() bool {
	return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

// Limits of what a registry says: it is shown.
const (
	maxMessages = 20
	maxMessage  = 500
)

// bounds returns the first messages, each without what a line can't hold.
func bounds(messages []string) (bounded []string) {
	for i, m := range messages {
		if i == maxMessages {
			return append(bounded, fmt.Sprintf("… and %d more", len(messages)-maxMessages))
		}
		bounded = append(bounded, bound(m))
	}
	return bounded
}

func bound(message string) string {
	message = strings.Join(strings.Fields(message), " ")
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	return message
}

func messageOf(err error) string {
	var response *sr.ResponseError
	if errors.As(err, &response) && response.Message != "" {
		return bound(response.Message)
	}
	return bound(err.Error())
}

// awayError is that the registry did not answer, or can't for now.
type awayError struct{ err error }

func (e *awayError) Error() string { return e.err.Error() }
func (e *awayError) Unwrap() error { return e.err }

// refused returns a refusal as a *RegistryError, and any other error of a request as an
// *awayError: asking again can help.
func refused(doing string, err error) error {
	if err == nil {
		return nil
	}
	var response *sr.ResponseError
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &response):
		if s := response.StatusCode; s >= 500 || s == http.StatusRequestTimeout || s == http.StatusTooManyRequests {
			return &awayError{err}
		}
		return &RegistryError{doing, response.StatusCode, messageOf(err), err}
	case errors.As(err, &syntax), errors.As(err, &typ), errors.As(err, &certificate), errors.Is(err, errLargeResponse):
		return &RegistryError{doing, 0, bound(cause(err)), err}
	}
	return &awayError{err}
}

// cause returns an error without the requests that it repeats.
func cause(err error) string {
	var response *sr.ResponseError
	var request *url.Error
	switch {
	case errors.As(err, &response):
		return fmt.Sprintf("it answers %d: %s", response.StatusCode, messageOf(err))
	case errors.As(err, &request):
		return request.Err.Error()
	}
	return err.Error()
}

const (
	tryAgainFirst = 100 * time.Millisecond
	tryAgainLast  = 5 * time.Second
	sayAgain      = 30 * time.Second
	attemptLimit  = 30 * time.Second
)

// waiting does something until the registry answers, or ctx ends. It tells say at first
// that it waits, and then every 30 s.
func waiting(ctx context.Context, say func(line string), do func(ctx context.Context) error) error {
	var said time.Time
	var why string
	for pause := tryAgainFirst; ; pause = min(2*pause, tryAgainLast) {
		attempt, cancel := context.WithTimeout(ctx, attemptLimit)
		err := do(attempt)
		cancel()
		if away := (*awayError)(nil); !errors.As(err, &away) {
			return err
		}
		if ctx.Err() == nil || why == "" {
			why = bound(cause(err))
		}
		if ctx.Err() != nil {
			return fmt.Errorf("waiting for the schema registry (%s): %w", why, context.Cause(ctx))
		}
		if say != nil && time.Since(said) >= sayAgain {
			said = time.Now()
			say("waiting for the schema registry: " + why)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}
