package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
)

// RefusedError is returned by [Connect] if a broker answers and does not let the
// client in, for its TLS or its SASL settings. It shows no secret.
type RefusedError struct {
	Brokers []string
	Why     string
	Err     error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s refuses the connection: %s", strings.Join(e.Brokers, ", "), e.Why)
}

func (e *RefusedError) Unwrap() error { return e.Err }

// refusal returns why a broker does not let a client in, or "" if the error is not
// about that. Brokers of Apache Kafka answer a wrong login; others, and those of which
// the listener wants something else, close the connection.
func refusal(client *kgo.Client, err error) string {
	mechanism := mechanismOf(client)
	var closed *kgo.ErrFirstReadEOF
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return fmt.Sprintf("wrong user name or password for SASL %s (%v)", mechanism, err)
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return "it does not support SASL mechanism " + mechanism
	case errors.Is(err, kerr.IllegalSaslState):
		return "it does not expect a SASL login"
	case errors.As(err, new(x509.HostnameError)):
		return "its certificate is for another name than the one expected"
	case RefusedByTLS(err):
		return fmt.Sprintf("the TLS handshake failed: %v", rootOf(err))
	case strings.Contains(err.Error(), "tls alert record"): // of no type: a TLS alert read as a response
		return "it speaks TLS, and the client is set to do without"
	case errors.As(err, &closed):
		return err.Error() // it names what is missing, TLS or SASL
	case errors.Is(err, io.EOF) && mechanism != "":
		return fmt.Sprintf("it closed the connection during the SASL login: a wrong user name or password, or it has no mechanism %s", mechanism)
	}
	return ""
}

func mechanismOf(client *kgo.Client) string {
	if m, ok := client.OptValue(kgo.SASL).([]sasl.Mechanism); ok && len(m) > 0 {
		return m[0].Name()
	}
	return ""
}

// RefusedByTLS reports whether the client or the broker has refused a handshake.
func RefusedByTLS(err error) bool {
	var certificate *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	var alert *net.OpError // as crypto/tls wraps it
	return errors.As(err, &certificate) || errors.As(err, &plain) || errors.As(err, &alert) && alert.Op == "remote error"
}

// rootOf returns the innermost error of those that crypto/tls makes.
func rootOf(err error) error {
	var certificate *tls.CertificateVerificationError
	var alert *net.OpError
	switch {
	case errors.As(err, &certificate):
		return certificate
	case errors.As(err, &alert):
		return alert
	}
	return err
}
