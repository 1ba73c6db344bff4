// Package acl names the permission that a request was refused for. Brokers only
// answer with a code such as TOPIC_AUTHORIZATION_FAILED: which operation on which
// resource is missing follows from the request.
package acl

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Operation is an operation by Kafka's name.
type Operation string

// The operations that requests need.
const (
	Read            Operation = "Read"
	Write           Operation = "Write"
	Create          Operation = "Create"
	Delete          Operation = "Delete"
	Alter           Operation = "Alter"
	Describe        Operation = "Describe"
	DescribeConfigs Operation = "DescribeConfigs"
	AlterConfigs    Operation = "AlterConfigs"
)

// Resource is what an operation is permitted on.
type Resource struct {
	Kind Kind
	Name string // "": the only one of its kind, or unknown
}

// Kind is a kind of resource.
type Kind string

// The kinds of resources.
const (
	KindTopic         Kind = "topic"
	KindGroup         Kind = "group"
	KindTransactional Kind = "transactional id"
	KindCluster       Kind = "cluster"
)

// Topic returns the resource of a topic.
func Topic(name string) Resource { return Resource{KindTopic, name} }

// Group returns the resource of a consumer group.
func Group(name string) Resource { return Resource{KindGroup, name} }

// Transactional returns the resource of a transactional id.
func Transactional(id string) Resource { return Resource{KindTransactional, id} }

// Cluster returns the resource of the cluster.
func Cluster() Resource { return Resource{KindCluster, ""} }

func (r Resource) String() string {
	if r.Name == "" {
		return "the " + string(r.Kind)
	}
	return string(r.Kind) + " " + r.Name
}

// DeniedError is returned for a request that the user is not authorized to make.
type DeniedError struct {
	Operation Operation
	Resource  Resource
	Err       error // the broker's
}

// Error names the operation and the resource. A broker that refuses Describe does not
// disclose whether the resource exists.
func (e *DeniedError) Error() string {
	text := fmt.Sprintf("not authorized to %s %s", e.Operation, e.Resource)
	if e.Operation == Describe && e.Resource.Kind != KindCluster {
		text += ", which may not exist either"
	}
	var code *kerr.Error
	if errors.As(e.Err, &code) {
		text += " (" + code.Message + ")"
	}
	return text
}

// Unwrap returns the broker's error.
func (e *DeniedError) Unwrap() error { return e.Err }

// Check returns err, as a [DeniedError] if it is a refusal of an operation that was
// requested on a resource. A refusal for another kind of resource names that kind only.
func Check(err error, operation Operation, resource Resource) error {
	var denied *DeniedError
	if err == nil || errors.As(err, &denied) {
		return err
	}
	kind, refused := kindOf(err)
	switch {
	case !refused:
		return err
	case kind == KindCluster && operation == Write && resource.Kind == KindTopic:
		// A producer id needs Write on some topic, or IdempotentWrite on the cluster.
	case kind != resource.Kind:
		resource = Resource{kind, ""}
	}
	return &DeniedError{operation, resource, err}
}

// Find is Check for a request for several resources, of which brokers and libraries
// don't always name the one that was refused: each is asked for by itself until one is
// refused.
func Find(err error, operation Operation, kind Kind, names []string, ask func(name string) error) error {
	var denied *DeniedError
	if !Denied(err) || errors.As(err, &denied) {
		return err
	}
	for _, name := range names {
		if err := ask(name); Denied(err) {
			return Check(err, operation, Resource{kind, name})
		}
	}
	return Check(err, operation, Resource{kind, ""})
}

// Denied reports whether an error is a refusal for lack of a permission.
func Denied(err error) bool {
	_, refused := kindOf(err)
	return refused
}

func kindOf(err error) (Kind, bool) {
	switch {
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return KindTopic, true
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return KindGroup, true
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		return KindTransactional, true
	case errors.Is(err, kerr.ClusterAuthorizationFailed):
		return KindCluster, true
	}
	return "", false
}
