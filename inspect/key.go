package inspect

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"inv/internal/kafka/partition"
	"inv/internal/termsafe"
)

// keyMatch selects records by their key.
type keyMatch struct {
	text  []byte
	bytes [][]byte // of the keys that are shown as the text
	// others may be shown as the text, too: decoded by a schema, or with characters
	// escaped.
	others bool
	escape bool
}

// compileKey returns the match of a text for keys in a form. With decoding, keys that
// have a schema are decoded.
func compileKey(form string, text []byte, decoding bool) (*keyMatch, error) {
	k := &keyMatch{text: text}
	if f := formOf(form); f != nil {
		var err error
		if k.bytes, err = f.bytesOf(string(text)); err != nil {
			return nil, optionf("key", "%v", err)
		}
		return k, nil
	}
	k.escape = bytes.IndexByte(text, '\\') >= 0
	if k.others = decoding || k.escape; form != FormAvro && form != FormProtobuf {
		k.bytes = append(shownAs(string(text)), text)
	}
	return k, nil
}

// shownAs returns the keys that appendKeyText shows as a text other than themselves,
// and the binary key that the text is in hex.
func shownAs(text string) (keys [][]byte) {
	add := func(key []byte) {
		if len(key) > 0 && string(key) != text && string(appendKeyText(nil, key)) == text {
			keys = append(keys, key)
		}
	}
	for _, form := range []string{"int32", "int64"} {
		if all, err := formOf(form).bytesOf(text); err == nil {
			add(all[0])
		}
	}
	if all, err := formOf("hex").bytesOf(text); err == nil && strings.HasPrefix(text, "0x") && isBinary(all[0]) {
		keys = append(keys, all[0])
	}
	var id uint32
	var payload []byte
	if _, err := fmt.Sscanf(text, "0x%x ("+schemaWord+"%d)", &payload, &id); err == nil {
		add(append([]byte{0, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}, payload...))
	}
	return keys
}

// raw reports whether a key has the bytes, before it is decoded.
func (k *keyMatch) raw(key []byte) bool {
	for _, b := range k.bytes {
		if key != nil && bytes.Equal(b, key) {
			return true
		}
	}
	return false
}

// in reports whether a partition among n can have a key: the partitioner of their
// producer chose by their bytes.
func (k *keyMatch) in(number int32, n int, by partition.Partitioner) bool {
	return k.others || slices.ContainsFunc(k.bytes, func(b []byte) bool {
		home, keyed := by.Of(b, n)
		return !keyed || home == number
	})
}

// decoded reports whether a decoded key is shown as the text.
func (k *keyMatch) decoded(key []byte) bool {
	if key == nil || !k.escape {
		return key != nil && bytes.Equal(key, k.text)
	}
	return bytes.Equal(appendKeyText(nil, key), k.text)
}

// appendKeyText appends a key as lines show it.
func appendKeyText(dst, key []byte) []byte {
	if !isBinary(key) {
		return termsafe.Append(dst, key)
	}
	return appendBinaryKey(dst, key)
}

func appendBinaryKey(dst, key []byte) []byte {
	dst, what := appendBinary(dst, key)
	if strings.HasPrefix(what, schemaWord) {
		dst = append(append(append(dst, " ("...), what...), ')')
	}
	return dst
}
