package scenario

import (
	"fmt"
	"regexp"
	"strings"
)

// Notes returns what is no mistake, but should be looked at: secrets of sinks that stand in
// the file.
func (s *Scenario) Notes() (notes Problems) {
	for _, x := range s.literalSecrets() {
		notes = append(notes, Problem{File: s.File, Pos: x.pos,
			Text: fmt.Sprintf("note: sink %q: %s stands in the file; ${NAME} takes it from the environment", x.sink, x.what)})
	}
	notes.Sort()
	return notes
}

// Secrets returns the secrets of sinks that stand in the file, so that they are not shown.
func (s *Scenario) Secrets() (secrets []string) {
	for _, x := range s.literalSecrets() {
		secrets = append(secrets, x.text)
	}
	return secrets
}

// literalSecret is a secret that is no variable.
type literalSecret struct {
	sink, what, text string
	pos              Position
}

func (s *Scenario) literalSecrets() (found []literalSecret) {
	for i := range s.Sinks {
		sink := &s.Sinks[i]
		add := func(pos Position, what, text string) {
			if text != "" && !strings.Contains(text, hollowPart) {
				found = append(found, literalSecret{sink.Name, what, text, pos})
			}
		}
		for _, t := range sink.Texts() {
			if m := urlPassword.FindStringSubmatch(t.hollow()); m != nil {
				add(t.Pos, "the password of a URL", m[1])
			} else if m := urlToken.FindStringSubmatch(t.hollow()); m != nil {
				add(t.Pos, "a secret of a URL", m[1])
			}
		}
		if sink.HTTP != nil {
			sink.HTTP.secrets(add)
		}
	}
	return found
}

// secrets calls add for each text that is a secret, or would be without its variables.
func (h *HTTPSink) secrets(add func(pos Position, what, text string)) {
	if h.Basic != nil {
		_, password, _ := strings.Cut(h.Basic.hollow(), ":")
		add(h.Basic.Pos, "the password of `basic:`", password)
	}
	if h.Bearer != nil {
		add(h.Bearer.Pos, "the token of `bearer:`", h.Bearer.hollow())
	}
	if h.Sign != nil {
		for _, secret := range strings.Fields(h.Sign.hollow()) {
			add(h.Sign.Pos, "a secret of `sign:`", secret)
		}
	}
	for _, header := range h.Headers {
		if t := header.Body.Text; t != nil && secretHeader.MatchString(header.Name) {
			add(header.Pos, "the value of the header "+header.Name, t.hollow())
		}
	}
}

// hollowPart stands for a variable or a placeholder.
const hollowPart = "\x00"

// hollow returns the literals of a text, with a mark for each other part.
func (t *SinkText) hollow() string {
	var b strings.Builder
	for _, p := range t.Parts {
		if p.Literal == "" {
			b.WriteString(hollowPart)
		}
		b.WriteString(p.Literal)
	}
	return b.String()
}

var (
	urlPassword  = regexp.MustCompile(`^[a-z]+://[^/@\s]*:([^/@\s\x00]+)@`)
	urlToken     = regexp.MustCompile(`^[a-z]+://[^\s?]*\?(?:[^\s]*&)?(?i:[a-z_-]*(?:token|key|secret|password|sig|signature))=([^&\s\x00]+)`)
	secretHeader = regexp.MustCompile(`(?i)^(?:.*-)?(?:authorization|cookie|token|secret|password|.*key)$`)
)
