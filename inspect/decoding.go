package inspect

import (
	"errors"
	"strings"
)

// SchemaDecoder decodes keys and values by their schemas. It is for one goroutine.
type SchemaDecoder interface {
	// Decode replaces the record's value with JSON, and its key with text, which are
	// valid until the next call. It leaves those alone that have no schema, and on an
	// error. Errors may be joined, and have a method Once() string: of those with the
	// same text one is reported.
	//
	// Decode calls wait before it waits for the network. If wait is nil, it does not
	// wait: an error that has a method Waits() bool, which returns true, is then that it
	// would have to.
	Decode(r *Record, wait func()) error
}

// decoding decodes keys and values, for one goroutine.
type decoding struct {
	forms   *forms        // nil: no form is given
	schemas SchemaDecoder // nil: there are none
}

// newDecoding returns the decoding of the options; nil if they have none.
func newDecoding(o *Options) *decoding {
	d := &decoding{}
	if f := (&forms{key: formOf(o.KeyForm), value: formOf(o.ValueForm)}); f.key != nil || f.value != nil {
		d.forms = f
	}
	if o.Schemas != nil {
		d.schemas = o.Schemas()
	}
	if d.forms == nil && d.schemas == nil {
		return nil
	}
	return d
}

// decode decodes the record's key and value as SchemaDecoder does.
func (d *decoding) decode(r *Record, wait func()) error {
	r.Undecoded = ""
	var err error
	if d.forms != nil {
		err = d.forms.decode(r)
	}
	if d.schemas == nil {
		return err
	}
	schemas := d.schemas.Decode(r, wait)
	if schemas != nil {
		r.Undecoded = strings.Join(certain(nil, schemas), "; ")
	}
	if err == nil {
		return schemas
	}
	return errors.Join(err, schemas)
}

// certain appends the texts of errors that have no method Certain() bool, or for which it
// returns true: the record itself is wrong, and not the registry or a guess.
func certain(texts []string, err error) []string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			texts = certain(texts, err)
		}
		return texts
	}
	var c interface{ Certain() bool }
	if errors.As(err, &c) && !c.Certain() {
		return texts
	}
	return append(texts, err.Error())
}

// waits reports whether an error of decoding is that the network would have to be waited
// for.
func waits(err error) bool {
	if err == nil {
		return false
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			if waits(err) {
				return true
			}
		}
		return false
	}
	var w interface{ Waits() bool }
	return errors.As(err, &w) && w.Waits()
}
