package compose

import (
	"cmp"
	"encoding/base64"
	"errors"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"inv/internal/jsonscan"
	"inv/internal/termsafe"
	"inv/processor/forward"
)

const (
	// minSecret is the length from which on a value is hidden: a shorter one is found
	// in any text by chance, which tells more of it than it hides.
	minSecret = 4
	// minWord is that of one of several words of a value.
	minWord = 8
	// literalSecret is shown for a secret that no variable gave.
	literalSecret = "***"
)

// concealVariable hides the value of a variable, and what is secret in it.
func (v *Variables) concealVariable(text, shown string) {
	v.conceal(text, shown)
	if words := strings.Fields(text); len(words) > 1 {
		for _, word := range words {
			if len(word) >= minWord {
				v.conceal(word, shown)
			}
		}
	}
	for _, word := range strings.Fields(text) {
		if secret, ok := strings.CutPrefix(word, "whsec_"); ok {
			v.conceal(secret, shown)
		}
		if secret, ok := strings.CutPrefix(word, "password="); ok { // of PostgreSQL
			v.conceal(strings.Trim(secret, "'"), shown)
		}
	}
	if strings.Contains(text, ":") {
		v.conceal(base64.StdEncoding.EncodeToString([]byte(text)), shown)
	}
	v.concealPassword(text, shown)
}

// concealURL hides the password of a URL, as the name of the variable that has it or else
// as shown.
func (v *Variables) concealURL(text, shown string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.concealPassword(text, shown)
}

func (v *Variables) concealPassword(text, shown string) {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return
	}
	if password, ok := u.User.Password(); ok {
		v.conceal(password, shown)
		_, raw, _ := strings.Cut(u.User.String(), ":")
		v.conceal(raw, shown)
		v.conceal(base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)), shown)
	}
}

// conceal hides a text in all forms in which it is written. What is hidden already stays
// so.
func (v *Variables) conceal(secret, shown string) {
	quoted := strconv.Quote(secret)
	asJSON := string(jsonscan.AppendString(nil, []byte(secret)))
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), string(appendEscaped(nil, []byte(secret))),
		quoted[1 : len(quoted)-1], asJSON[1 : len(asJSON)-1], termsafe.String(secret),
	} {
		if _, known := v.secrets[form]; !known && len(form) >= minSecret && len(secret) >= minSecret {
			v.secrets[form] = shown
			v.replacer = nil
		}
	}
}

// passwordInURL is the userinfo of a URL (RFC 3986, section 3.2.1) with a password.
var passwordInURL = regexp.MustCompile(`(://[^\s/?#@:"']*:)([^\s/?#"']*)@`)

// Hide returns the text with the values of variables, and what else is secret, replaced
// by ${NAME}, and with the passwords of URLs replaced by ***.
func (v *Variables) Hide(text string) string {
	v.mu.Lock()
	if v.replacer == nil {
		var pairs []string
		for _, secret := range slices.SortedFunc(maps.Keys(v.secrets), byLength) {
			pairs = append(pairs, secret, v.secrets[secret])
		}
		v.replacer = strings.NewReplacer(pairs...)
	}
	replacer := v.replacer
	v.mu.Unlock()
	text = replacer.Replace(text)
	if !strings.Contains(text, "://") {
		return text
	}
	return passwordInURL.ReplaceAllStringFunc(text, func(found string) string {
		m := passwordInURL.FindStringSubmatch(found)
		if m[2] == "" || strings.HasPrefix(m[2], "${") && strings.HasSuffix(m[2], "}") {
			return found
		}
		return m[1] + literalSecret + "@"
	})
}

// Error returns an error with the text that [Variables.Hide] makes of that of err.
// [errors.Is] and [errors.As] see what err wraps. The errors that sinks return keep their
// type, and what they wrap is hidden as well. Those with a position get the file's name.
func (v *Variables) Error(err error) error {
	switch e := err.(type) {
	case nil:
		return nil
	case *forward.RecordError:
		return &forward.RecordError{Record: e.Record, Reason: e.Reason, Err: v.Error(e.Err)}
	case *forward.RetryError:
		return &forward.RetryError{After: e.After, Err: v.Error(e.Err)}
	case *forward.StopError:
		return &forward.StopError{Err: v.Error(e.Err)}
	case *Error:
		return &Error{File: cmp.Or(e.File, v.file), Pos: e.Pos, Err: v.Error(e.Err)}
	}
	text := err.Error()
	hidden := v.Hide(text)
	if hidden == text {
		return err
	}
	return &hiddenError{hidden, err, v}
}

// hiddenError is an error whose text has secrets.
type hiddenError struct {
	text string
	err  error
	vars *Variables
}

func (e *hiddenError) Error() string { return e.text }

func (e *hiddenError) Unwrap() error { return e.err }

// As implements the interface of [errors.As] for the errors whose text is shown: it hides
// theirs, too.
func (e *hiddenError) As(target any) bool {
	switch target := target.(type) {
	case **forward.RecordError:
		return asHidden(e, target)
	case **forward.RetryError:
		return asHidden(e, target)
	case **forward.StopError:
		return asHidden(e, target)
	case **Error:
		return asHidden(e, target)
	}
	return false
}

func asHidden[E error](e *hiddenError, target *E) bool {
	var found E
	if !errors.As(e.err, &found) {
		return false
	}
	hidden, ok := e.vars.Error(found).(E)
	if ok {
		*target = hidden
	}
	return ok
}
