package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// TLS says how brokers are recognised and how this client shows who it is. The
// files are PEM.
type TLS struct {
	CA         string // certificates to trust; "": the system's
	Cert, Key  string // this client's, for mTLS; one file may hold both
	ServerName string // the name that the broker's certificate must have; "": the address's
	SkipVerify bool   // trust any certificate
}

// SASL says who the client is. The secrets never appear in an error.
type SASL struct {
	Mechanism          string // one of Mechanisms
	Username, Password string
	// For OAUTHBEARER: a token, or the client credentials to get one with.
	Token                                   string
	TokenURL, ClientID, ClientSecret, Scope string
}

// Mechanisms returns the SASL mechanisms that inv knows.
func Mechanisms() []string {
	return []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"}
}

func (t TLS) option() (kgo.Opt, error) {
	config := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.SkipVerify, MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("reading the certificates to trust: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", t.CA)
		}
	}
	if t.Cert != "" {
		key := t.Key
		if key == "" {
			key = t.Cert
		}
		pair, err := tls.LoadX509KeyPair(t.Cert, key)
		if err != nil {
			return nil, fmt.Errorf("loading the client's certificate and key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return kgo.DialTLSConfig(config), nil
}

func (s SASL) option() (kgo.Opt, error) {
	needs := func(values ...string) error {
		for _, v := range values {
			if v == "" {
				return fmt.Errorf("SASL %s needs a user name and a password", s.Mechanism)
			}
		}
		return nil
	}
	switch s.Mechanism {
	case "PLAIN":
		return kgo.SASL(plain.Auth{User: s.Username, Pass: s.Password}.AsMechanism()), needs(s.Username, s.Password)
	case "SCRAM-SHA-256":
		return kgo.SASL(scram.Auth{User: s.Username, Pass: s.Password}.AsSha256Mechanism()), needs(s.Username, s.Password)
	case "SCRAM-SHA-512":
		return kgo.SASL(scram.Auth{User: s.Username, Pass: s.Password}.AsSha512Mechanism()), needs(s.Username, s.Password)
	case "OAUTHBEARER":
		if s.Token == "" && (s.TokenURL == "" || s.ClientID == "" || s.ClientSecret == "") {
			return nil, errors.New("SASL OAUTHBEARER needs a token, or a token URL with client id and secret")
		}
		return kgo.SASL(oauth.Oauth(s.OAuthToken)), nil
	}
	return nil, fmt.Errorf("no SASL mechanism %q; there are %s", s.Mechanism, strings.Join(Mechanisms(), ", "))
}

// OAuthToken returns the configured token, or a new one by the client credentials
// grant of RFC 6749, 4.4. A broker asks for one at each connection.
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
		return oauth.Auth{}, fmt.Errorf("asking for a token: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(s.ClientID), url.QueryEscape(s.ClientSecret))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return oauth.Auth{}, fmt.Errorf("asking for a token: %w", err)
	}
	defer resp.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if resp.StatusCode != http.StatusOK {
		return oauth.Auth{}, fmt.Errorf("asking %s for a token: %s", s.TokenURL, resp.Status)
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, 1<<20)).Decode(&answer); err != nil || answer.AccessToken == "" {
		return oauth.Auth{}, fmt.Errorf("%s gave no access_token", s.TokenURL)
	}
	return oauth.Auth{Token: answer.AccessToken}, nil
}
