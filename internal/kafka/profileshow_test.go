package kafka_test

import (
	"strings"
	"testing"

	"inv/internal/kafka"
)

func TestSettingsHideSecrets(t *testing.T) {
	source := `profiles:
  p:
    brokers: [a:1, "${HOST}:2"]
    tls: {}
    sasl: {mechanism: PLAIN, username: u, password: hunter2, token: "${TOKEN}", token_url: "https://hunter2:x@h/t?k=hunter2", client_secret: "x${TOKEN}"}
    schema_registry: {url: "http://me:hunter2@r:1/base", password: "hunter2"}
    properties: {linger.ms: 20, sasl.jaas.config: hunter2, ssl.key.password: hunter2, sasl.mechanism: PLAIN}
`
	profiles, err := kafka.ParseProfiles("inv.yaml", []byte(source), "", kafka.Unreplaced)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range profiles[0].Settings() {
		got = append(got, s.Name+"="+s.Value)
	}
	want := []string{
		"brokers=a:1,${HOST}:2", "tls=on", "sasl.mechanism=PLAIN", "sasl.username=u", "sasl.password=***", "sasl.token=${TOKEN}",
		"sasl.token_url=https://***@h/t?***", "sasl.client_secret=***", "schema_registry.url=http://***@r:1/base", "schema_registry.password=***",
		"properties.linger.ms=20", "properties.sasl.jaas.config=***", "properties.ssl.key.password=***", "properties.sasl.mechanism=PLAIN",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("settings:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSetUsedProfile(t *testing.T) {
	for _, c := range []struct{ source, name, want string }{ // want "": refused
		{"profiles:\n  a: {}\n", "a", "use: a\nprofiles:\n  a: {}\n"},
		{"# mine\n\n---\n# all\nprofiles:\n  a: {} # one\n", "a", "# mine\n\n---\n# all\nuse: a\nprofiles:\n  a: {} # one\n"},
		{"profiles: {a: {}}\nuse: b # for now\n", "a", "profiles: {a: {}}\nuse: a  # for now\n"},
		{"use: \"b\"\nprofiles: {a: {}}", "true", "use: \"true\"\nprofiles: {a: {}}"},
		{"profiles: {a: {}}\nuse: b", "a", "profiles: {a: {}}\nuse: a\n"},
		{"use: [b]\nprofiles: {a: {}}\n", "a", "use: a\nprofiles: {a: {}}\n"},
		{"{profiles: {a: {}}}\n", "a", ""},
		{"use: >\n  b\n  c\nprofiles: {a: {}}\n", "a", ""},
		{"use:\n  b\nprofiles: {a: {}}\n", "a", ""},
		{"", "a", ""},
	} {
		got, err := kafka.SetUsedProfile([]byte(c.source), c.name)
		if string(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q with %s: %q, %v; want %q", c.source, c.name, got, err, c.want)
		}
		if err == nil && kafka.UsedProfile(got) != c.name {
			t.Errorf("%q uses %q", got, kafka.UsedProfile(got))
		}
	}
}

func FuzzSetUsedProfile(f *testing.F) {
	f.Add([]byte(profiles), "far")
	f.Add([]byte("a: &x {}\nuse: *x\n"), "a: b")
	f.Fuzz(func(t *testing.T, source []byte, name string) {
		got, err := kafka.SetUsedProfile(source, name)
		if err == nil && kafka.UsedProfile(got) != name {
			t.Errorf("%q with %q is %q", source, name, got)
		}
	})
}
