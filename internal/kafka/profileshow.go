package kafka

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// ProfileSetting is a setting of a profile by its path in inv.yaml, such as
// sasl.mechanism.
type ProfileSetting struct{ Name, Value string }

// hidden is shown for a secret.
const hidden = "***"

// Unreplaced is a lookupEnv for [ParseProfiles] that leaves variables in place.
func Unreplaced(name string) (string, bool) { return "${" + name + "}", true }

// Variables returns the names of the environment variables in a value.
func Variables(value string) (names []string) {
	for _, m := range variable.FindAllStringSubmatch(value, -1) {
		names = append(names, m[1])
	}
	return names
}

// Settings returns the settings of a profile that was parsed with [Unreplaced], those
// that are secret as *** or as the variable that they come from.
func (p Profile) Settings() []ProfileSetting {
	var all []ProfileSetting
	add := func(name, value string) {
		if value != "" {
			all = append(all, ProfileSetting{name, value})
		}
	}
	add("brokers", strings.Join(p.Brokers, ","))
	if t := p.TLS; t != nil {
		add("tls", map[bool]string{true: "on"}[*t == TLS{}])
		add("tls.ca", t.CA)
		add("tls.cert", t.Cert)
		add("tls.key", t.Key)
		add("tls.server_name", t.ServerName)
		add("tls.skip_verify", map[bool]string{true: "true"}[t.SkipVerify])
	}
	if s := p.SASL; s != nil {
		add("sasl.mechanism", s.Mechanism)
		add("sasl.username", s.Username)
		add("sasl.password", secret(s.Password))
		add("sasl.token", secret(s.Token))
		add("sasl.token_url", withoutUser(s.TokenURL))
		add("sasl.client_id", s.ClientID)
		add("sasl.client_secret", secret(s.ClientSecret))
		add("sasl.scope", s.Scope)
	}
	if r := p.Registry; r != nil {
		add("schema_registry.url", withoutUser(r.URL))
		add("schema_registry.username", r.Username)
		add("schema_registry.password", secret(r.Password))
	}
	for _, property := range p.Properties {
		name, value, _ := strings.Cut(property, "=")
		known := slices.ContainsFunc(Properties(), func(p Property) bool { return p.Name == name })
		if !known || name == "sasl.jaas.config" {
			value = secret(value)
		}
		add("properties."+name, value)
	}
	return all
}

// secret hides a value, unless it is a variable.
func secret(value string) string {
	if m := variable.FindString(value); value == "" || m == value {
		return value
	}
	return hidden
}

// withoutUser hides the user, the password and the query of a URL.
func withoutUser(address string) string {
	u, err := url.Parse(address)
	switch {
	case address == "", variable.FindString(address) == address:
		return address
	case err != nil || u.Host == "" && strings.Contains(address, "@"):
		return hidden
	}
	if u.User != nil {
		u.User = url.User(hidden)
	}
	if u.RawQuery != "" {
		u.RawQuery = hidden
	}
	if text, err := url.PathUnescape(u.String()); err == nil {
		return text
	}
	return hidden
}

// Security names what protects the profile's connections, such as "TLS, PLAIN".
func (p Profile) Security() string {
	var parts []string
	if p.TLS != nil {
		parts = append(parts, "TLS")
	}
	if p.SASL != nil {
		parts = append(parts, cmp.Or(p.SASL.Mechanism, "SASL"))
	}
	for _, property := range p.Properties {
		if protocol, ok := strings.CutPrefix(property, "security.protocol="); ok {
			parts = append(parts, protocol)
		}
	}
	return strings.Join(parts, ", ")
}

// UsedProfile returns the profile that an inv.yaml names under use, or "".
func UsedProfile(source []byte) string {
	if _, value := useOf(source); value != nil && value.Kind == yaml.ScalarNode && value.Tag == "!!str" {
		return value.Value
	}
	return ""
}

// useOf returns the mapping of an inv.yaml and its value of use; nil without one.
func useOf(source []byte) (root, value *yaml.Node) {
	var doc yaml.Node
	if yaml.NewDecoder(bytes.NewReader(source)).Decode(&doc) != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, nil
	}
	root = doc.Content[0]
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "use" {
			return root, root.Content[i+1]
		}
	}
	return root, nil
}

// ErrCantUse is returned for an inv.yaml that SetUsedProfile can't change.
var ErrCantUse = errors.New("its form can't be changed")

// SetUsedProfile returns an inv.yaml that names a profile under use, and is otherwise as
// it was: comments and the order stay.
func SetUsedProfile(source []byte, name string) ([]byte, error) {
	line, err := yaml.Marshal(map[string]string{"use": name})
	root, value := useOf(source)
	if err != nil || root == nil || len(root.Content) == 0 || root.Style&yaml.FlowStyle != 0 {
		return nil, ErrCantUse
	}
	lines := bytes.SplitAfter(source, []byte("\n"))
	at, replaced := root.Content[0].Line-1, 0
	if value != nil {
		at, replaced = value.Line-1, 1
		if value.LineComment != "" {
			line = fmt.Appendf(nil, "%s  %s\n", bytes.TrimSpace(line), value.LineComment)
		}
	}
	if at >= len(lines) {
		return nil, ErrCantUse
	}
	keys := len(root.Content) + 2*(1-replaced)
	changed := bytes.Join(slices.Replace(lines, at, at+replaced, line), nil)
	if root, _ = useOf(changed); UsedProfile(changed) != name || len(root.Content) != keys {
		return nil, ErrCantUse // such as a name over several lines
	}
	return changed, nil
}
