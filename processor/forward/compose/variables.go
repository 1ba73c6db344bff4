package compose

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strings"
	"sync"

	"inv/internal/scenario"
)

// Variables gives texts their variables, and knows what must not be shown. Its methods may
// be called by several goroutines at once.
type Variables struct {
	lookup func(name string) (string, bool)
	file   string

	mu       sync.Mutex
	values   map[string]string
	missing  []string
	secrets  map[string]string // what is shown, by what is hidden
	replacer *strings.Replacer // of secrets; nil: to be made
}

// NewVariables returns Variables with the values of lookup, which is asked for each name
// once.
func NewVariables(lookup func(name string) (string, bool)) *Variables {
	return &Variables{lookup: lookup, values: map[string]string{}, secrets: map[string]string{}}
}

// InFile names the file that has the texts, for errors. It must be called before the others
// are used by several goroutines.
func (v *Variables) InFile(name string) { v.file = name }

// Missing returns the names of the variables that something compiled uses and that have no
// value, in the order of their first use.
func (v *Variables) Missing() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.missing)
}

// value returns the value of a variable, "" if it has none, and hides it from now on.
func (v *Variables) value(name string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if text, ok := v.values[name]; ok {
		return text
	}
	text, ok := v.lookup(name)
	if !ok {
		v.missing = append(v.missing, name)
	}
	v.values[name] = text
	v.concealVariable(text, "${"+name+"}")
	return text
}

// Secret returns a text that is hidden as a whole, also where it is literal. Placeholders
// have no value in it.
func (v *Variables) Secret(t *scenario.SinkText) string {
	text, shown := v.secret(t, "")
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, part := range t.Parts {
		for _, word := range strings.Fields(part.Literal) {
			v.conceal(word, literalSecret)
			v.conceal(strings.TrimPrefix(word, "whsec_"), literalSecret)
		}
	}
	v.conceal(text, shown)
	return text
}

// Login returns the parts of a text USER:PASSWORD, of which the password and the base64
// are hidden. It reports false if there is no colon.
func (v *Variables) Login(t *scenario.SinkText) (user, password string, ok bool) {
	text, _ := v.secret(t, "")
	user, password, ok = strings.Cut(text, ":")
	if !ok {
		return "", "", false
	}
	_, shown := v.secret(t, user+":")
	name := shown[strings.LastIndexByte(shown, ':')+1:]
	v.mu.Lock()
	defer v.mu.Unlock()
	v.conceal(base64.StdEncoding.EncodeToString([]byte(text)), shown)
	v.conceal(password, name)
	return user, password, true
}

// secret returns a text of literals and variables, and how it is shown: without what is
// literal behind a prefix that may be seen.
func (v *Variables) secret(t *scenario.SinkText, prefix string) (text, shown string) {
	var all, seen strings.Builder
	for _, part := range t.Parts {
		if part.Variable != "" {
			all.WriteString(v.value(part.Variable))
			seen.WriteString("${" + part.Variable + "}")
			continue
		}
		free := min(max(len(prefix)-all.Len(), 0), len(part.Literal))
		seen.WriteString(part.Literal[:free])
		if rest := part.Literal[free:]; strings.TrimSpace(rest) != "" {
			seen.WriteString(literalSecret)
		} else {
			seen.WriteString(rest)
		}
		all.WriteString(part.Literal)
	}
	return all.String(), seen.String()
}

// Conceal hides what a sink has made of a secret: shown takes its place.
func (v *Variables) Conceal(secret, shown string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.conceal(secret, shown)
}

// byLength sorts longer texts first, so that a secret in another one doesn't leave the
// rest of that one.
func byLength(a, b string) int {
	return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
}
