package kafka

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
	"gopkg.in/yaml.v3"
)

// Profile is a named cluster, so that a command line needs no address and no
// secret.
type Profile struct {
	Name       string
	Brokers    []string
	TLS        *TLS
	SASL       *SASL
	Registry   *Registry
	Properties []string // NAME=VALUE, as -X takes them
}

// Registry is a schema registry.
type Registry struct {
	URL                string
	Username, Password string
}

// ParseProfiles reads an inv.yaml. ${NAME} in any string is replaced by an
// environment variable, which must be set for the profile in use; file names are
// relative to inv.yaml. The error lists every problem with its line and column, and
// never a value.
func ParseProfiles(file string, source []byte, inUse string, lookupEnv func(string) (string, bool)) ([]Profile, error) {
	r := &profileReader{d: &scenario.Decoder{File: file, Secret: true}, folder: filepath.Dir(file), inUse: inUse, lookupEnv: lookupEnv}
	var doc yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(source)).Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, fmt.Errorf("%s is not YAML: %s", file, unquoted(err.Error()))
	}
	var profiles []Profile
	r.d.Fields(doc.Content[0], "inv.yaml", map[string]func(*yaml.Node){
		"use": func(n *yaml.Node) { r.text(n, "use") },
		"profiles": func(n *yaml.Node) {
			r.d.Each(n, "profiles", func(key, value *yaml.Node) {
				profiles = append(profiles, r.profile(key.Value, value))
			})
		},
	})
	return profiles, r.d.Err()
}

// unquoted returns the beginning of a message before what it quotes, which may be a
// value.
func unquoted(message string) string {
	if i := strings.IndexAny(message, "'\"`"); i >= 0 {
		return strings.TrimSpace(message[:i]) + " …"
	}
	return message
}

type profileReader struct {
	d         *scenario.Decoder
	folder    string
	inUse     string // the profile whose variables must be set
	reading   string
	lookupEnv func(string) (string, bool)
}

func (r *profileReader) profile(name string, n *yaml.Node) Profile {
	p := Profile{Name: name}
	r.reading = name
	r.d.Fields(n, "profile "+name, map[string]func(*yaml.Node){
		"brokers": func(n *yaml.Node) {
			r.d.Items(n, "brokers", func(item *yaml.Node) { p.Brokers = append(p.Brokers, r.broker(item)) })
		},
		"tls":             func(n *yaml.Node) { p.TLS = r.tls(n) },
		"sasl":            func(n *yaml.Node) { p.SASL = r.sasl(n) },
		"schema_registry": func(n *yaml.Node) { p.Registry = r.registry(n) },
		"properties": func(n *yaml.Node) {
			r.d.Each(n, "properties", func(key, value *yaml.Node) {
				p.Properties = append(p.Properties, key.Value+"="+r.scalar(value, "a property"))
			})
		},
	})
	return p
}

// broker returns an address, which is shown when it can't be reached.
func (r *profileReader) broker(n *yaml.Node) string {
	address := r.text(n, "a broker")
	if strings.ContainsAny(address, "@/") {
		r.d.Problem(n, "a broker is HOST:PORT, without a user or a scheme")
		return ""
	}
	return address
}

func (r *profileReader) tls(n *yaml.Node) *TLS {
	t := &TLS{}
	r.d.Fields(n, "tls", map[string]func(*yaml.Node){
		"ca":          func(n *yaml.Node) { t.CA = r.path(n, "ca") },
		"cert":        func(n *yaml.Node) { t.Cert = r.path(n, "cert") },
		"key":         func(n *yaml.Node) { t.Key = r.path(n, "key") },
		"server_name": func(n *yaml.Node) { t.ServerName = r.text(n, "server_name") },
		"skip_verify": func(n *yaml.Node) { t.SkipVerify = r.d.Bool(n, "skip_verify") },
	})
	return t
}

func (r *profileReader) sasl(n *yaml.Node) *SASL {
	s := &SASL{}
	into := func(field *string, what string) func(*yaml.Node) {
		return func(n *yaml.Node) { *field = r.text(n, what) }
	}
	r.d.Fields(n, "sasl", map[string]func(*yaml.Node){
		"mechanism":     into(&s.Mechanism, "mechanism"),
		"username":      into(&s.Username, "username"),
		"password":      into(&s.Password, "password"),
		"token":         into(&s.Token, "token"),
		"token_url":     into(&s.TokenURL, "token_url"),
		"client_id":     into(&s.ClientID, "client_id"),
		"client_secret": into(&s.ClientSecret, "client_secret"),
		"scope":         into(&s.Scope, "scope"),
	})
	return s
}

func (r *profileReader) registry(n *yaml.Node) *Registry {
	g := &Registry{}
	r.d.Fields(n, "schema_registry", map[string]func(*yaml.Node){
		"url":      func(n *yaml.Node) { g.URL = r.text(n, "url") },
		"username": func(n *yaml.Node) { g.Username = r.text(n, "username") },
		"password": func(n *yaml.Node) { g.Password = r.text(n, "password") },
	})
	return g
}

func (r *profileReader) path(n *yaml.Node, what string) string {
	p := r.text(n, what)
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(r.folder, p)
}

// text returns a string with its variables replaced. Unlike the decoder's method it
// never repeats the value, which may be a secret.
func (r *profileReader) text(n *yaml.Node, what string) string {
	if n.Kind == yaml.ScalarNode && n.Tag != "!!str" {
		r.d.Problem(n, "%s must be a text; put it in quotes", what)
		return ""
	}
	return r.scalar(n, what)
}

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

func (r *profileReader) scalar(n *yaml.Node, what string) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.d.Problem(n, "%s must be one value", what)
		return ""
	}
	return variable.ReplaceAllStringFunc(n.Value, func(match string) string {
		name := match[2 : len(match)-1]
		value, ok := r.lookupEnv(name)
		if !ok && r.reading == r.inUse {
			r.d.Problem(n, "%s names the environment variable %s, which is not set", what, name)
		}
		return value
	})
}

// Options returns the client options of the profile.
func (p Profile) Options() ([]kgo.Opt, error) {
	options, err := parseProperties(p.Properties, true)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	security, err := securityOptions(p.TLS, p.SASL)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	return append(options, security...), nil
}
