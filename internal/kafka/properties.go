package kafka

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"inv/internal/suggest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Property is a client setting under its Kafka name.
type Property struct {
	Name, Takes, About string
	apply              func(p *properties, value string) error
}

// properties collects the settings; several of them decide TLS and SASL together.
type properties struct {
	options []kgo.Opt
	tls     *TLS
	sasl    *SASL
}

// Properties returns the settings that users may change, sorted by name. Those that
// a command's correctness depends on, such as isolation.level, are not among them.
func Properties() []Property {
	list := []Property{
		{"acks", "all, 1 or 0", "replicas that must have a record before it counts as sent; 1 and 0 turn off idempotence", setAcks},
		{"batch.size", "bytes", "largest record batch, before compression", number(512, 100<<20, func(n int64) kgo.Opt { return kgo.ProducerBatchMaxBytes(int32(n)) })},
		{"buffer.memory", "bytes", "size of the records waiting to be sent", number(1, math.MaxInt32, func(n int64) kgo.Opt { return kgo.MaxBufferedBytes(int(n)) })},
		{"check.crcs", "true or false", "verify the checksum of fetched batches", setCheckCRCs},
		{"client.id", "text", "the name in the brokers' logs and quotas", text(256, func(v string) kgo.Opt { return kgo.ClientID(v) })},
		{"client.rack", "text", "read from the nearest replica", text(512, func(v string) kgo.Opt { return kgo.Rack(v) })},
		{"compression.type", "none, gzip, snappy, lz4 or zstd", "how batches are compressed", setCompression},
		{"connections.max.idle.ms", "ms", "close connections idle for this long", millis(100, quarter, func(d time.Duration) kgo.Opt { return kgo.ConnIdleTimeout(d) })},
		{"delivery.timeout.ms", "ms", "give up on a record after this long", millis(1000, math.MaxInt32, func(d time.Duration) kgo.Opt { return kgo.RecordDeliveryTimeout(d) })},
		{"enable.idempotence", "true or false", "retries cause no duplicates", setIdempotence},
		{"fetch.max.bytes", "bytes", "largest fetch response", setFetchMaxBytes},
		{"fetch.max.wait.ms", "ms", "how long a fetch waits for fetch.min.bytes", millis(10, math.MaxInt32, func(d time.Duration) kgo.Opt { return kgo.FetchMaxWait(d) })},
		{"fetch.min.bytes", "bytes", "how much data a fetch waits for", number(1, math.MaxInt32, func(n int64) kgo.Opt { return kgo.FetchMinBytes(int32(n)) })},
		{"heartbeat.interval.ms", "ms", "interval between heartbeats of a group member", millis(1, math.MaxInt32, func(d time.Duration) kgo.Opt { return kgo.HeartbeatInterval(d) })},
		{"linger.ms", "ms", "how long to wait for a fuller batch", millis(0, 60_000, func(d time.Duration) kgo.Opt { return kgo.ProducerLinger(d) })},
		{"max.partition.fetch.bytes", "bytes", "largest part of one partition in a fetch response", number(1, math.MaxInt32, func(n int64) kgo.Opt { return kgo.FetchMaxPartitionBytes(int32(n)) })},
		{"max.poll.interval.ms", "ms", "how long a rebalance waits for a member", millis(100, math.MaxInt32, func(d time.Duration) kgo.Opt { return kgo.RebalanceTimeout(d) })},
		{"metadata.max.age.ms", "ms", "refresh topics and leaders after this long", setMetadataMaxAge},
		{"request.timeout.ms", "ms", "how long to wait for a response", setRequestTimeout},
		{"retries", "number", "attempts to send a record or request again", setRetries},
		{"retry.backoff.ms", "ms", "pause before an attempt", millis(1, math.MaxInt32, func(d time.Duration) kgo.Opt { return kgo.RetryBackoffFn(func(int) time.Duration { return d }) })},
		{"sasl.jaas.config", "Kafka's JAAS line", "user name and password, as in client.properties", setJAAS},
		{"sasl.mechanism", strings.Join(Mechanisms(), ", "), "how the client authenticates", setMechanism},
		{"security.protocol", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", "TLS, SASL, both or neither", setProtocol},
		{"session.timeout.ms", "ms", "remove a group member that sent no heartbeat for this long", millis(100, math.MaxInt32, func(d time.Duration) kgo.Opt { return kgo.SessionTimeout(d) })},
		{"socket.connection.setup.timeout.ms", "ms", "how long to wait for a connection", millis(1, math.MaxInt32, func(d time.Duration) kgo.Opt { return kgo.DialTimeout(d) })},
		{"ssl.keystore.location", "PEM file", "the client's certificate and key", func(p *properties, v string) error { p.useTLS().Cert = v; return nil }},
		{"ssl.truststore.location", "PEM file", "the certificates to trust", func(p *properties, v string) error { p.useTLS().CA = v; return nil }},
		{"transaction.timeout.ms", "ms", "abort a transaction that is open for this long", millis(1, math.MaxInt32, func(d time.Duration) kgo.Opt { return kgo.TransactionTimeout(d) })},
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// ReservedPropertyError is returned for a Kafka property that can't be set, because
// a command's correctness depends on it.
type ReservedPropertyError struct{ Name string }

func (e *ReservedPropertyError) Error() string {
	return fmt.Sprintf("property %s can't be set", e.Name)
}

// UnknownPropertyError is returned for an unknown name; Near is a similar one, or "".
type UnknownPropertyError struct{ Name, Near string }

func (e *UnknownPropertyError) Error() string { return fmt.Sprintf("no property %q", e.Name) }

func reserved() []string {
	return []string{"bootstrap.servers", "isolation.level", "group.id", "transactional.id", "group.instance.id",
		"max.in.flight.requests.per.connection", "enable.auto.commit", "auto.offset.reset"}
}

// ParseProperties turns NAME=VALUE settings into client options. A name that can't
// be set is a [ReservedPropertyError] or an [UnknownPropertyError].
func ParseProperties(settings []string) ([]kgo.Opt, error) { return parseProperties(settings, false) }

// parseProperties shows no value in an error if they may be secret.
func parseProperties(settings []string, secret bool) ([]kgo.Opt, error) {
	known := map[string]Property{}
	var names []string
	for _, p := range Properties() {
		known[p.Name] = p
		names = append(names, p.Name)
	}
	p := &properties{}
	for _, s := range settings {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("a property is NAME=VALUE, such as linger.ms=20, not %q", name)
		}
		property, ok := known[name]
		if !ok {
			if slices.Contains(reserved(), name) {
				return nil, &ReservedPropertyError{name}
			}
			return nil, &UnknownPropertyError{name, suggest.Nearest(name, names)}
		}
		switch err := property.apply(p, value); {
		case err != nil && secret:
			return nil, fmt.Errorf("property %s takes %s", name, property.Takes)
		case err != nil:
			return nil, fmt.Errorf("property %s takes %s: %w", name, property.Takes, err)
		}
	}
	security, err := securityOptions(p.tls, p.sasl)
	return append(p.options, security...), err
}

func (p *properties) add(o kgo.Opt) { p.options = append(p.options, o) }

func (p *properties) useTLS() *TLS {
	if p.tls == nil {
		p.tls = &TLS{}
	}
	return p.tls
}

func (p *properties) useSASL() *SASL {
	if p.sasl == nil {
		p.sasl = &SASL{Mechanism: "PLAIN"}
	}
	return p.sasl
}

func number(low, high int64, option func(int64) kgo.Opt) func(*properties, string) error {
	return func(p *properties, value string) error {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < low || n > high {
			return fmt.Errorf("%q is not a number from %d to %d", value, low, high)
		}
		p.add(option(n))
		return nil
	}
}

// quarter of an hour, in ms: the longest of some of the client's times.
const quarter = 15 * 60 * 1000

func millis(low, high int64, option func(time.Duration) kgo.Opt) func(*properties, string) error {
	return number(low, high, func(n int64) kgo.Opt { return option(time.Duration(n) * time.Millisecond) })
}

func text(most int, option func(string) kgo.Opt) func(*properties, string) error {
	return func(p *properties, value string) error {
		if len(value) > most {
			return fmt.Errorf("it has %d bytes; at most %d are accepted", len(value), most)
		}
		p.add(option(value))
		return nil
	}
}

func setAcks(p *properties, value string) error {
	switch value {
	case "all", "-1":
		p.add(kgo.RequiredAcks(kgo.AllISRAcks()))
	case "1":
		p.add(kgo.RequiredAcks(kgo.LeaderAck()))
		p.add(kgo.DisableIdempotentWrite())
	case "0":
		p.add(kgo.RequiredAcks(kgo.NoAck()))
		p.add(kgo.DisableIdempotentWrite())
	default:
		return fmt.Errorf("not %q", value)
	}
	return nil
}

func setCheckCRCs(p *properties, value string) error {
	check, err := strconv.ParseBool(value)
	if err != nil {
		return fmt.Errorf("not %q", value)
	}
	if !check {
		p.add(kgo.DisableFetchCRCValidation())
	}
	return nil
}

func setIdempotence(p *properties, value string) error {
	on, err := strconv.ParseBool(value)
	if err != nil {
		return fmt.Errorf("not %q", value)
	}
	if !on {
		p.add(kgo.DisableIdempotentWrite())
	}
	return nil
}

func setCompression(p *properties, value string) error {
	var codec kgo.CompressionCodec
	switch value {
	case "none":
		codec = kgo.NoCompression()
	case "gzip":
		codec = kgo.GzipCompression()
	case "snappy":
		codec = kgo.SnappyCompression()
	case "lz4":
		codec = kgo.Lz4Compression()
	case "zstd":
		codec = kgo.ZstdCompression()
	default:
		return fmt.Errorf("not %q", value)
	}
	p.add(kgo.ProducerBatchCompression(codec))
	return nil
}

// setFetchMaxBytes also raises what the client reads of a response, which is 100 MiB.
func setFetchMaxBytes(p *properties, value string) error {
	const usual = 100 << 20
	return number(1, 1<<30, func(n int64) kgo.Opt {
		p.add(kgo.BrokerMaxReadBytes(int32(max(n, usual))))
		return kgo.FetchMaxBytes(int32(n))
	})(p, value)
}

// setMetadataMaxAge also lowers the pause between two requests for metadata, which the
// client would not let be longer.
func setMetadataMaxAge(p *properties, value string) error {
	const usual = 5 * time.Second
	return millis(10, int64(time.Hour/time.Millisecond), func(d time.Duration) kgo.Opt {
		p.add(kgo.MetadataMinAge(min(d, usual)))
		return kgo.MetadataMaxAge(d)
	})(p, value)
}

func setRequestTimeout(p *properties, value string) error {
	return millis(100, quarter, func(d time.Duration) kgo.Opt {
		p.add(kgo.ProduceRequestTimeout(d))
		return kgo.RequestTimeoutOverhead(d)
	})(p, value)
}

func setRetries(p *properties, value string) error {
	return number(0, math.MaxInt32, func(n int64) kgo.Opt {
		p.add(kgo.RequestRetries(int(n)))
		return kgo.RecordRetries(int(n))
	})(p, value)
}

func setMechanism(p *properties, value string) error {
	for _, m := range Mechanisms() {
		if strings.EqualFold(m, value) {
			p.useSASL().Mechanism = m
			return nil
		}
	}
	return fmt.Errorf("not %q", value)
}

func setProtocol(p *properties, value string) error {
	switch strings.ToUpper(value) {
	case "PLAINTEXT":
		p.tls, p.sasl = nil, nil
	case "SSL":
		p.useTLS()
		p.sasl = nil
	case "SASL_PLAINTEXT":
		p.useSASL()
		p.tls = nil
	case "SASL_SSL":
		p.useTLS()
		p.useSASL()
	default:
		return fmt.Errorf("not %q", value)
	}
	return nil
}

var jaasField = regexp.MustCompile(`(\w+)\s*=\s*"((?:[^"\\]|\\.)*)"`)

// setJAAS reads the fields of a Java client's JAAS configuration. Its error never
// shows the value, which holds the password.
func setJAAS(p *properties, value string) error {
	sasl := p.useSASL()
	for _, m := range jaasField.FindAllStringSubmatch(value, -1) {
		switch m[1] {
		case "username":
			sasl.Username = m[2]
		case "password":
			sasl.Password = m[2]
		case "clientId":
			sasl.ClientID = m[2]
		case "clientSecret":
			sasl.ClientSecret = m[2]
		case "scope":
			sasl.Scope = m[2]
		}
	}
	if sasl.Username == "" && sasl.ClientID == "" {
		return fmt.Errorf(`it has no username="…"`)
	}
	return nil
}
