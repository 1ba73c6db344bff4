package fetch_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kerr"
)

// What passes is tried again, a connection that is closed again and again is not.
func TestAwaitCoordinator(t *testing.T) {
	closed := fmt.Errorf("asking: %w", io.EOF)
	for name, c := range map[string]struct {
		answers []error // the last one comes again and again
		calls   int
		want    error
	}{
		"at once":          {[]error{nil}, 1, nil},
		"no coordinator":   {[]error{kerr.CoordinatorNotAvailable, kerr.NotCoordinator, nil}, 3, nil},
		"an idle one":      {[]error{closed, nil}, 2, nil},
		"closed for ever":  {[]error{closed}, 3, closed},
		"another mistake":  {[]error{kerr.GroupIDNotFound}, 1, kerr.GroupIDNotFound},
		"closed, then one": {[]error{closed, kerr.CoordinatorLoadInProgress, kerr.GroupAuthorizationFailed}, 3, kerr.GroupAuthorizationFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			err := fetch.AwaitCoordinator(context.Background(), func() error {
				calls++
				return c.answers[min(calls, len(c.answers))-1]
			})
			if err != c.want || calls != c.calls {
				t.Errorf("%v after %d calls, want %v after %d", err, calls, c.want, c.calls)
			}
		})
	}
}
