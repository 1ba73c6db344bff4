package registry

import (
	"context"
	"net/http"
	"slices"

	"github.com/twmb/franz-go/pkg/sr"
)

// Subject is what a registry has under a name.
type Subject struct {
	Name     string           `json:"subject"`
	Level    string           `json:"compatibility"` // its own, or the registry's
	Earlier  int              `json:"earlier"`       // versions that are left out before the first of Versions
	Versions []SubjectVersion `json:"versions"`      // in order
}

// SubjectVersion is a version of a schema.
type SubjectVersion struct {
	Version int  `json:"version"`
	ID      int  `json:"id"`
	Form    Form `json:"type"`
}

// maxVersions is how many versions of a subject are described: each is a request.
const maxVersions = 50

// Describe returns a subject with its latest versions; ok is false if there is none of
// that name. The errors are a *RegistryError, or that the registry does not answer.
func Describe(ctx context.Context, client *sr.Client, name string) (s Subject, ok bool, err error) {
	numbers, err := client.SubjectVersions(ctx, name)
	if code := codeOf(err); code == codeNoSubject || code == codeNoVersion {
		return Subject{}, false, nil
	}
	if err != nil {
		return Subject{}, false, refused("asking for the versions of "+name, err)
	}
	slices.Sort(numbers)
	s = Subject{Name: name, Earlier: max(0, len(numbers)-maxVersions)}
	level := client.Compatibility(sr.WithParams(ctx, sr.DefaultToGlobal), name)[0]
	if codeOf(level.Err) == codeNoLevel || codeOf(level.Err) == http.StatusNotFound {
		level = client.Compatibility(ctx)[0] // of a registry that does not know the parameter
	}
	if level.Err != nil {
		return Subject{}, false, refused("asking for the compatibility level of "+name, level.Err)
	}
	s.Level = level.Level.String()
	for _, number := range numbers[s.Earlier:] {
		one, err := client.SchemaByVersion(ctx, name, number)
		if code := codeOf(err); code == codeNoSubject || code == codeNoVersion {
			continue // deleted meanwhile
		}
		if err != nil {
			return Subject{}, false, refused("asking for a version of "+name, err)
		}
		s.Versions = append(s.Versions, SubjectVersion{one.Version, one.ID, sourceOf(one.Schema, nil, "").Form})
	}
	return s, true, nil
}

// AwayReason returns what is wrong with a registry that does not answer, in a few words and
// without its address; of other errors the text.
func AwayReason(err error) string { return bound(cause(err)) }
