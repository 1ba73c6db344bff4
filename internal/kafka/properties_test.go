package kafka_test

import (
	"regexp"
	"strings"
	"testing"

	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestEveryPropertyMakesAClient sets each property to a value it takes.
func TestEveryPropertyMakesAClient(t *testing.T) {
	files := writeCertificates(t, t.TempDir())
	values := map[string]string{
		"acks": "1", "check.crcs": "false", "client.id": "me", "client.rack": "r1", "compression.type": "zstd",
		"enable.idempotence": "false", "sasl.mechanism": "scram-sha-512", "security.protocol": "SSL",
		"sasl.jaas.config": `x required username="u" password="p";`, "ssl.keystore.location": files.both, "ssl.truststore.location": files.ca,
		"retries": "3", "fetch.max.bytes": "1000000", "heartbeat.interval.ms": "1000", "session.timeout.ms": "20000",
		"fetch.max.wait.ms": "500", "metadata.max.age.ms": "60000",
	}
	for _, p := range kafka.Properties() {
		value := values[p.Name]
		if value == "" {
			value = "10000"
		}
		settings := []string{p.Name + "=" + value}
		if p.Name == "sasl.mechanism" {
			settings = append(settings, "sasl.jaas.config="+values["sasl.jaas.config"])
		}
		options, err := kafka.ParseProperties(settings)
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		client, err := kafka.New(kafka.Config{Brokers: []string{"127.0.0.1:1"}, Options: options}, kgo.ConsumeTopics("x"))
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		client.Close()
	}
}

// A value that is in a property's range makes a client, so that what is wrong is said in
// terms of the property.
func TestEveryPropertyTakesItsWholeRange(t *testing.T) {
	ranges := regexp.MustCompile(`is not a number from (\d+) to (\d+)$`)
	n := 0
	for _, p := range kafka.Properties() {
		_, err := kafka.ParseProperties([]string{p.Name + "=x"})
		if err == nil {
			continue
		}
		bounds := ranges.FindStringSubmatch(err.Error())
		if bounds == nil {
			continue
		}
		n++
		for _, value := range bounds[1:] {
			settings := []string{p.Name + "=" + value}
			if p.Name == "heartbeat.interval.ms" {
				settings = append(settings, "session.timeout.ms=2147483647")
			}
			if p.Name == "session.timeout.ms" {
				settings = append(settings, "heartbeat.interval.ms=1")
			}
			options, err := kafka.ParseProperties(settings)
			if err != nil {
				t.Errorf("%s: %v", settings, err)
				continue
			}
			client, err := kafka.New(kafka.Config{Brokers: []string{"127.0.0.1:1"}, Options: options}, kgo.ConsumeTopics("x"), kgo.ConsumerGroup("g"))
			if err != nil {
				t.Errorf("%s: %v", settings, err)
				continue
			}
			client.Close()
		}
	}
	if n < 15 {
		t.Errorf("only %d properties have a range", n)
	}
	for name, value := range map[string]string{"metadata.max.age.ms": "2000", "batch.size": "1048576"} {
		if _, err := kafka.ParseProperties([]string{name + "=" + value}); err != nil {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}

func TestPropertiesThatAreWrong(t *testing.T) {
	for setting, want := range map[string]string{
		"lingr.ms=20":                           `no property "lingr.ms"`,
		"linger.ms":                             "NAME=VALUE",
		"linger.ms=soon":                        "linger.ms takes ms",
		"linger.ms=-1":                          "linger.ms takes ms",
		"linger.ms=60001":                       "not a number from 0 to 60000",
		"metadata.max.age.ms=9":                 "not a number from 10 to 3600000",
		"batch.size=511":                        "not a number from 512 to 104857600",
		"client.id=" + strings.Repeat("c", 257): "257 bytes; at most 256",
		"compression.type=rar":                  "none, gzip, snappy, lz4 or zstd",
		"isolation.level=x":                     "isolation.level can't be set",
		"bootstrap.servers=x:9092":              "bootstrap.servers can't be set",
		"no.such.thing.at.all=1":                `no property "no.such.thing.at.all"`,
		"sasl.jaas.config=pass":                 "username",
		"ssl.truststore.location=/no/x":         "reading the certificates",
	} {
		_, err := kafka.ParseProperties([]string{setting})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v; want %q", setting, err, want)
		}
	}
}

const profiles = `
profiles:
  local:
    brokers: [127.0.0.1:9092]
  far:
    brokers: ["a:9093", "b:9093"]
    tls: {ca: ca.pem, cert: /etc/inv/cert.pem, key: key.pem, server_name: kafka, skip_verify: false}
    sasl: {mechanism: SCRAM-SHA-512, username: inv, password: "${SECRET}"}
    schema_registry: {url: "https://r", username: u, password: "${SECRET}"}
    properties:
      linger.ms: 20
      compression.type: zstd
`

func env(name string) (string, bool) { return password, name == "SECRET" }

func TestParseProfiles(t *testing.T) {
	got, err := kafka.ParseProfiles("/etc/inv/inv.yaml", []byte(profiles), "far", env)
	if err != nil || len(got) != 2 {
		t.Fatalf("%d profiles, error %v; want 2", len(got), err)
	}
	far := got[1]
	if far.SASL.Password != password || far.Registry.Password != password {
		t.Errorf("${SECRET} was not filled in")
	}
	if far.TLS.CA != "/etc/inv/ca.pem" || far.TLS.Cert != "/etc/inv/cert.pem" {
		t.Errorf("files %+v; want them relative to inv.yaml", far.TLS)
	}
	if strings.Join(far.Properties, " ") != "linger.ms=20 compression.type=zstd" {
		t.Errorf("properties %v", far.Properties)
	}
}

func TestProfilesThatAreWrong(t *testing.T) {
	for _, c := range []struct{ name, source, want string }{
		{"an unknown key", "profiles:\n  a:\n    borkers: []\n", `inv.yaml:3:5: unknown key "borkers" in profile a; did you mean "brokers"?`},
		{"a variable that is not set", "profiles:\n  a:\n    sasl: {password: \"${MISSING}\"}\n", "inv.yaml:3:22: password names the environment variable MISSING, which is not set"},
		{"a password that is a number", "profiles:\n  a:\n    sasl: {password: 12345}\n", "password must be a text"},
		{"not YAML", "profiles: [", "not YAML"},
	} {
		_, err := kafka.ParseProfiles("inv.yaml", []byte(c.source), "a", env)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "12345") {
			t.Errorf("%s: error %v; want %q", c.name, err, c.want)
		}
	}
	missing := "profiles:\n  a: {}\n  b:\n    sasl: {password: \"${MISSING}\"}\n"
	if _, err := kafka.ParseProfiles("inv.yaml", []byte(missing), "a", env); err != nil {
		t.Errorf("another profile's variable is not set: %v; want no error", err)
	}
	if got, err := kafka.ParseProfiles("inv.yaml", nil, "a", env); err != nil || got != nil {
		t.Errorf("an empty file: %v, %v; want no profiles", got, err)
	}
}

func FuzzParseProfiles(f *testing.F) {
	f.Add([]byte(profiles))
	f.Fuzz(func(t *testing.T, source []byte) {
		got, err := kafka.ParseProfiles("inv.yaml", source, "far", env)
		if err != nil {
			return
		}
		for _, p := range got {
			_, _ = kafka.ParseProperties(p.Properties)
		}
	})
}
