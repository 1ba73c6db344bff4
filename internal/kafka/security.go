package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// TLS configures how brokers, and optionally this client, are authenticated. Files
// are PEM.
type TLS struct {
	CA         string // certificates to trust; "": the system's
	Cert, Key  string // this client's, for mTLS; one file may hold both
	ServerName string // expected in the broker's certificate; "": the host of its address
	SkipVerify bool   // trust any certificate
}

// SASL authenticates the client. Its secrets never appear in an error.
type SASL struct {
	Mechanism          string // one of Mechanisms
	Username, Password string
	// For OAUTHBEARER: a token, or the client credentials to get one with.
	Token                                   string
	TokenURL, ClientID, ClientSecret, Scope string
}

// Mechanisms returns the supported SASL mechanisms.
func Mechanisms() []string {
	return []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"}
}

// securityOptions returns the options for those of the two that are not nil.
func securityOptions(t *TLS, s *SASL) (options []kgo.Opt, err error) {
	if t != nil {
		o, err := t.option()
		if err != nil {
			return nil, err
		}
		options = append(options, o)
	}
	if s != nil {
		o, err := s.option()
		if err != nil {
			return nil, err
		}
		options = append(options, o)
	}
	return options, nil
}

// readPEM reads a file of at most 1 MiB.
func readPEM(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 1<<20+1))
	if err == nil && len(b) > 1<<20 {
		err = errors.New("it is larger than 1 MiB")
	}
	return b, err
}

// unnamed returns an error without the name of the file, which may come from inv.yaml.
func unnamed(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return path.Err
	}
	return err
}

func (t TLS) option() (kgo.Opt, error) {
	config := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.SkipVerify, MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := readPEM(t.CA)
		if err != nil {
			return nil, fmt.Errorf("reading the certificates to trust: %w", unnamed(err))
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("the file of the certificates to trust holds none in PEM")
		}
	}
	if t.Cert != "" {
		cert, err := readPEM(t.Cert)
		key, keyErr := readPEM(cmp.Or(t.Key, t.Cert))
		pair := tls.Certificate{}
		if err = cmp.Or(err, keyErr); err == nil {
			pair, err = tls.X509KeyPair(cert, key)
		}
		if err != nil {
			return nil, fmt.Errorf("loading the client's certificate and key: %w", unnamed(err))
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return kgo.DialTLSConfig(config), nil
}

func (s SASL) option() (kgo.Opt, error) {
	if (s.Username == "" || s.Password == "") && slices.Contains(Mechanisms()[:3], s.Mechanism) {
		return nil, fmt.Errorf("SASL %s needs a user name and a password", s.Mechanism)
	}
	switch s.Mechanism {
	case "PLAIN":
		return kgo.SASL(plain.Auth{User: s.Username, Pass: s.Password}.AsMechanism()), nil
	case "SCRAM-SHA-256":
		return kgo.SASL(scram.Auth{User: s.Username, Pass: s.Password}.AsSha256Mechanism()), nil
	case "SCRAM-SHA-512":
		return kgo.SASL(scram.Auth{User: s.Username, Pass: s.Password}.AsSha512Mechanism()), nil
	case "OAUTHBEARER":
		if s.Token == "" && (s.TokenURL == "" || s.ClientID == "" || s.ClientSecret == "") {
			return nil, errors.New("SASL OAUTHBEARER needs a token, or a token URL with client id and secret")
		}
		return kgo.SASL(oauth.Oauth(s.OAuthToken)), nil
	}
	return nil, fmt.Errorf("the SASL mechanism is none of %s", strings.Join(Mechanisms(), ", "))
}

// OAuthToken returns the configured token, or a new one from the client credentials
// grant (RFC 6749, section 4.4). It is called for each connection.
func (s SASL) OAuthToken(ctx context.Context) (oauth.Auth, error) {
	if s.Token != "" {
		return oauth.Auth{Token: s.Token}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	form := url.Values{"grant_type": {"client_credentials"}}
	if s.Scope != "" {
		form.Set("scope", s.Scope)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return oauth.Auth{}, errors.New("asking for a token: token_url is not a URL")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(s.ClientID), url.QueryEscape(s.ClientSecret))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok { // whose text has the URL
			err = wrapped.Err
		}
		return oauth.Auth{}, fmt.Errorf("asking for a token: %w", err)
	}
	defer resp.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if resp.StatusCode != http.StatusOK {
		return oauth.Auth{}, fmt.Errorf("asking for a token: %s", resp.Status)
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, 1<<20)).Decode(&answer); err != nil || answer.AccessToken == "" {
		return oauth.Auth{}, errors.New("asking for a token: the answer has no access_token")
	}
	return oauth.Auth{Token: answer.AccessToken}, nil
}
