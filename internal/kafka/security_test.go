package kafka_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const password = "s3cret-und-geheim"

func secured(t *testing.T, opts ...kfake.Opt) []string {
	t.Helper()
	cluster, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()
}

func connect(t *testing.T, brokers []string, options []kgo.Opt) error {
	t.Helper()
	client, err := kafka.Connect(t.Context(), kafka.Config{Brokers: brokers, Options: options})
	if err == nil {
		client.Close()
	}
	return err
}

func TestSASL(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			brokers := secured(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "inv", password))
			profile := kafka.Profile{Name: "p", SASL: &kafka.SASL{Mechanism: mechanism, Username: "inv", Password: password}}
			options, err := profile.Options()
			if err != nil {
				t.Fatal(err)
			}
			if err := connect(t, brokers, options); err != nil {
				t.Errorf("by the profile: %v", err)
			}

			options, err = kafka.ParseProperties([]string{"security.protocol=SASL_PLAINTEXT", "sasl.mechanism=" + mechanism,
				`sasl.jaas.config=org.apache.kafka.common.security.Module required username="inv" password="` + password + `";`})
			if err != nil {
				t.Fatal(err)
			}
			if err := connect(t, brokers, options); err != nil {
				t.Errorf("by properties: %v", err)
			}

			profile.SASL.Username = "somebody-else"
			if options, err = profile.Options(); err != nil {
				t.Fatal(err)
			}
			err = connect(t, brokers, options)
			if err == nil {
				t.Fatal("a wrong user was let in")
			}
			if strings.Contains(err.Error(), password) {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestSASLThatCannotBe(t *testing.T) {
	for want, s := range map[string]kafka.SASL{
		"needs a user name and a password": {Mechanism: "PLAIN", Username: "inv"},
		"needs a token":                    {Mechanism: "OAUTHBEARER", ClientSecret: password},
		"none of PLAIN, SCRAM":             {Mechanism: "KERBEROS", Password: password},
	} {
		_, err := kafka.Profile{Name: "p", SASL: &s}.Options()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), password) {
			t.Errorf("%s: error %v; want %q and no secret", s.Mechanism, err, want)
		}
	}
}

func TestMutualTLS(t *testing.T) {
	files := writeCertificates(t, t.TempDir())
	pool := x509.NewCertPool()
	ca, err := os.ReadFile(files.ca)
	if err != nil {
		t.Fatal(err)
	}
	pool.AppendCertsFromPEM(ca)
	pair, err := tls.LoadX509KeyPair(files.cert, files.key)
	if err != nil {
		t.Fatal(err)
	}
	brokers := secured(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}))
	for _, c := range []struct {
		name string
		tls  kafka.TLS
		ok   bool
	}{
		{"certificate and authority", kafka.TLS{CA: files.ca, Cert: files.cert, Key: files.key}, true},
		{"one file with both", kafka.TLS{CA: files.ca, Cert: files.both}, true},
		{"no certificate", kafka.TLS{CA: files.ca}, false},
		{"an authority that is not known", kafka.TLS{Cert: files.cert, Key: files.key}, false},
		{"any authority", kafka.TLS{SkipVerify: true, Cert: files.cert, Key: files.key}, true},
		{"another name", kafka.TLS{CA: files.ca, Cert: files.cert, Key: files.key, ServerName: "elsewhere"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			options, err := kafka.Profile{Name: "p", TLS: &c.tls}.Options()
			if err != nil {
				t.Fatal(err)
			}
			if err := connect(t, brokers, options); (err == nil) != c.ok {
				t.Errorf("error %v; want success %v", err, c.ok)
			}
		})
	}
	options, err := kafka.ParseProperties([]string{"security.protocol=SSL", "ssl.truststore.location=" + files.ca, "ssl.keystore.location=" + files.both})
	if err != nil {
		t.Fatal(err)
	}
	if err := connect(t, brokers, options); err != nil {
		t.Errorf("by properties: %v", err)
	}
}

type certificates struct{ ca, cert, key, both string }

// writeCertificates writes one certificate that is its own authority, for
// 127.0.0.1, and its key.
func writeCertificates(t *testing.T, dir string) certificates {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "inv test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	c := certificates{filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "both.pem")}
	for file, content := range map[string][]byte{c.ca: cert, c.cert: cert, c.key: private, c.both: append(append([]byte{}, cert...), private...)} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestOAuthClientCredentials(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		id, secret, _ := r.BasicAuth()
		if id != "inv" || secret != password || r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "kafka" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"access_token":"abc","expires_in":60}`))
	}))
	t.Cleanup(server.Close)
	s := kafka.SASL{Mechanism: "OAUTHBEARER", TokenURL: server.URL, ClientID: "inv", ClientSecret: password, Scope: "kafka"}
	auth, err := s.OAuthToken(t.Context())
	if err != nil || auth.Token != "abc" || asked != 1 {
		t.Errorf("token %q, error %v, asked %d times; want abc", auth.Token, err, asked)
	}
	s.ClientSecret = "wrong-" + password
	if _, err := s.OAuthToken(t.Context()); err == nil || strings.Contains(err.Error(), password) {
		t.Errorf("a wrong secret: error %v; want one that doesn't show it", err)
	}
}
