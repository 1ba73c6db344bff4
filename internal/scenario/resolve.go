package scenario

import (
	"fmt"
	"path"
	"strings"
)

// Resolve returns the topics that a name stands for: the topic of exactly that name
// if there is one, else those of the alias; nil if it is neither.
func (s *Scenario) Resolve(name, app string, exists func(topic string) bool) []string {
	if exists(name) {
		return []string{name}
	}
	return s.TopicNames(name, app)
}

// OtherThan returns the topics of the alias with this name, and reports whether they
// are others than the topic of that name: the name is then ambiguous if both exist.
func (s *Scenario) OtherThan(name, app string) (topics []string, others bool) {
	topics = s.TopicNames(name, app)
	return topics, len(topics) > 1 || len(topics) == 1 && topics[0] != name
}

// IsPattern reports whether an argument is a pattern instead of a name.
func IsPattern(arg string) bool { return strings.ContainsAny(arg, "*?[") }

// CheckPattern returns what is wrong with a pattern.
func CheckPattern(pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("the pattern %q is not well-formed: * is any text, ? any character, [a-z] one of these", pattern)
	}
	return nil
}

// MatchTopic reports whether a topic's name matches a pattern. Names that begin with
// two underscores are Kafka's own, and match only patterns that do, too.
func MatchTopic(pattern, topic string) bool {
	ok, err := path.Match(pattern, topic)
	return err == nil && ok && (!strings.HasPrefix(topic, "__") || strings.HasPrefix(pattern, "__"))
}
