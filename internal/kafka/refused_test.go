package kafka_test

import (
	"crypto/tls"
	"errors"
	"os"
	"strings"
	"testing"

	"inv/internal/kafka"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kfake"
)

// listeners are the addresses of one broker by what they demand.
type listeners struct{ plain, tls, mutual, sasl, saslTLS string }

func kafkaListeners(t *testing.T, files certificates) listeners {
	l := listeners{kafkatest.FreeAddress(t), kafkatest.FreeAddress(t), kafkatest.FreeAddress(t), kafkatest.FreeAddress(t), kafkatest.FreeAddress(t)}
	controller := kafkatest.FreeAddress(t)
	read := func(file string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(strings.TrimSpace(string(b)), "\n", "\\n")
	}
	all := "PLAINTEXT://" + l.plain + ",TLS://" + l.tls + ",MUTUAL://" + l.mutual + ",USERS://" + l.sasl + ",BOTH://" + l.saslTLS
	jaas := `org.apache.kafka.common.security.plain.PlainLoginModule required user_inv="` + password + `";`
	kafkatest.NewNode(t, map[string]string{
		"listeners":                                  all + ",CONTROLLER://" + controller,
		"advertised.listeners":                       all,
		"controller.quorum.voters":                   "1@" + controller,
		"listener.security.protocol.map":             "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,MUTUAL:SSL,USERS:SASL_PLAINTEXT,BOTH:SASL_SSL",
		"sasl.enabled.mechanisms":                    "PLAIN",
		"listener.name.users.plain.sasl.jaas.config": jaas,
		"listener.name.both.plain.sasl.jaas.config":  jaas,
		"ssl.keystore.type":                          "PEM",
		"ssl.keystore.certificate.chain":             read(files.ca),
		"ssl.keystore.key":                           read(files.key),
		"ssl.truststore.type":                        "PEM",
		"ssl.truststore.certificates":                read(files.ca),
		"listener.name.mutual.ssl.client.auth":       "required",
	})
	return l
}

func embeddedListeners(t *testing.T, files certificates) listeners {
	pair, err := tls.LoadX509KeyPair(files.cert, files.key)
	if err != nil {
		t.Fatal(err)
	}
	user := []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("PLAIN", "inv", password)}
	secure := kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}})
	return listeners{
		plain: secured(t)[0], tls: secured(t, secure)[0],
		mutual: secured(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert}))[0],
		sasl:   secured(t, user...)[0], saslTLS: secured(t, append(user, secure)...)[0],
	}
}

// A broker that does not let the client in is not a broker that is missing: the error
// says which part of the login was refused.
func TestRefusedLogin(t *testing.T) {
	files := writeCertificates(t, t.TempDir())
	for name, start := range map[string]func(*testing.T, certificates) listeners{"embedded": embeddedListeners, "kafka": kafkaListeners} {
		t.Run(name, func(t *testing.T) {
			l := start(t, files)
			trusted := &kafka.TLS{CA: files.ca}
			right := &kafka.SASL{Mechanism: "PLAIN", Username: "inv", Password: password}
			wrong := &kafka.SASL{Mechanism: "PLAIN", Username: "inv", Password: "wrong-" + password}
			scram := &kafka.SASL{Mechanism: "SCRAM-SHA-512", Username: "inv", Password: password}
			for _, c := range []struct {
				name, address string
				tls           *kafka.TLS
				sasl          *kafka.SASL
				want          string // "": let in
			}{
				{"plain", l.plain, nil, nil, ""},
				{"user", l.sasl, nil, right, ""},
				{"user over TLS", l.saslTLS, trusted, right, ""},
				{"wrong password", l.sasl, nil, wrong, "user name or password"},
				{"wrong password over TLS", l.saslTLS, trusted, wrong, "user name or password"},
				{"wrong mechanism", l.sasl, nil, scram, "SCRAM-SHA-512"},
				{"no user", l.sasl, nil, nil, "SASL"},
				{"no TLS", l.tls, nil, nil, "TLS"},
				{"user without TLS", l.saslTLS, nil, right, "TLS"},
				{"unknown authority", l.tls, &kafka.TLS{}, nil, "certificate"},
				{"no certificate of its own", l.mutual, trusted, nil, "certificate"},
				{"TLS where there is none", l.plain, trusted, nil, "TLS"},
			} {
				if name == "embedded" && c.address == l.plain && c.tls != nil {
					continue // it waits for the rest of what it takes for a request
				}
				t.Run(c.name, func(t *testing.T) {
					options, err := kafka.Profile{Name: "p", TLS: c.tls, SASL: c.sasl}.Options()
					if err != nil {
						t.Fatal(err)
					}
					err = connect(t, []string{c.address}, options)
					var refused *kafka.RefusedError
					switch {
					case c.want == "" && err != nil:
						t.Error(err)
					case c.want == "":
					case !errors.As(err, &refused), errors.Is(err, kafka.ErrUnreachable), !strings.Contains(err.Error(), c.want), !strings.Contains(err.Error(), c.address):
						t.Errorf("%v; want a refusal that names %s and %s", err, c.address, c.want)
					}
					if err != nil && strings.Contains(err.Error(), password) {
						t.Errorf("the error shows the password: %v", err)
					}
				})
			}
		})
	}
}
