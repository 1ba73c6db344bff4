package registry

import (
	"fmt"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
)

func avroDecoder(s sr.Schema, references []reference) (payloadDecoder, error) {
	var cache avro.SchemaCache
	for _, r := range references {
		if _, err := cache.Parse(r.text); err != nil {
			return nil, fmt.Errorf("parsing the Avro schema of %s: %w", r.name, err)
		}
	}
	parsed, err := cache.Parse(s.Schema)
	if err != nil {
		return nil, fmt.Errorf("parsing the Avro schema: %w", err)
	}
	return func(payload []byte) ([]byte, error) {
		var v any
		rest, err := parsed.Decode(payload, &v)
		if err != nil {
			return nil, err
		}
		if len(rest) > 0 {
			return nil, fmt.Errorf("%d bytes are left over", len(rest))
		}
		return parsed.EncodeJSON(v)
	}, nil
}
