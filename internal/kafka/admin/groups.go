package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"inv/internal/kafka/acl"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Group is a consumer group.
type Group struct {
	Name, State, Protocol string
	Members               []Member // set by DescribeGroups only
}

// Member is a member of a group.
type Member struct {
	ID, Host string
	Assigned string // topics and partitions, such as "orders[0 1] alerts[2]"
}

// UnknownGroupError is returned for a group that does not exist; Known are the
// existing ones.
type UnknownGroupError struct {
	Name  string
	Known []string
}

func (e *UnknownGroupError) Error() string { return fmt.Sprintf("there is no group %q", e.Name) }

// InUseError is returned for a group that has members where it must not.
type InUseError struct {
	Group   string
	Members int
}

func (e *InUseError) Error() string {
	if e.Members == 1 {
		return fmt.Sprintf("group %s is in use by 1 member", e.Group)
	}
	return fmt.Sprintf("group %s is in use by %d members", e.Group, e.Members)
}

// Groups returns all groups by name.
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	listed, err := c.listGroups(ctx)
	if err != nil {
		return nil, err
	}
	var groups []Group
	for _, g := range listed.Sorted() {
		groups = append(groups, Group{Name: g.Group, State: g.State, Protocol: g.ProtocolType})
	}
	return groups, nil
}

func (c *Client) listGroups(ctx context.Context) (listed kadm.ListedGroups, err error) {
	err = fetch.AwaitCoordinator(ctx, func() error {
		listed, err = c.admin.ListGroups(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing groups: %w", acl.Check(err, acl.Describe, acl.Cluster()))
	}
	return listed, nil
}

// Existing returns the named groups that exist, sorted. A group that the user may not
// describe is an error, not a missing one.
func (c *Client) Existing(ctx context.Context, names []string) ([]string, error) {
	if err := c.MayDescribe(ctx, names); err != nil {
		return nil, err
	}
	listed, err := c.listGroups(ctx)
	return slices.DeleteFunc(listed.Groups(), func(name string) bool { return !slices.Contains(names, name) }), err
}

// MayDescribe returns an [acl.DeniedError] if one of the groups can't be described for
// lack of a permission, whether it exists or not. Other errors are left to what comes
// after it.
func (c *Client) MayDescribe(ctx context.Context, names []string) error {
	if _, err := c.describeGroups(ctx, names); acl.Denied(err) {
		return err
	}
	return nil
}

// MayListAll reports whether the lists of groups are complete: without Describe on the
// cluster they have only the groups that the user may describe. A broker that doesn't
// report permissions is taken for one that checks none.
func (c *Client) MayListAll(ctx context.Context) (bool, error) {
	req := kmsg.NewPtrDescribeClusterRequest()
	req.IncludeClusterAuthorizedOperations = true
	resp, err := req.RequestWith(ctx, c.client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	switch {
	case errors.Is(err, kerr.UnsupportedVersion):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("asking for permissions on the cluster: %w", err)
	}
	operations := resp.ClusterAuthorizedOperations
	return operations == math.MinInt32 || operations&(1<<kmsg.ACLOperationDescribe) != 0, nil
}

// DescribeGroups returns groups with their members, by name. A group that does not
// exist is an [UnknownGroupError].
func (c *Client) DescribeGroups(ctx context.Context, names ...string) ([]Group, error) {
	listed, err := c.listGroups(ctx)
	if err != nil {
		return nil, err
	}
	described, err := c.describeGroups(ctx, names)
	if err != nil {
		return nil, err
	}
	var groups []Group
	for _, g := range described.Sorted() {
		if _, ok := listed[g.Group]; !ok && !acl.Denied(g.Err) {
			return nil, &UnknownGroupError{g.Group, listed.Groups()}
		}
		if g.Err != nil {
			return nil, fmt.Errorf("describing group %s: %w", g.Group, acl.Check(g.Err, acl.Describe, acl.Group(g.Group)))
		}
		group := Group{Name: g.Group, State: g.State, Protocol: g.ProtocolType}
		for _, m := range g.Members {
			group.Members = append(group.Members, Member{m.MemberID, m.ClientHost, assignment(m)})
		}
		groups = append(groups, group)
	}
	return groups, nil
}

func (c *Client) describeGroups(ctx context.Context, names []string) (described kadm.DescribedGroups, err error) {
	_ = fetch.AwaitCoordinator(ctx, func() error {
		described, err = c.admin.DescribeGroups(ctx, names...)
		return cmp.Or(err, described.Error()) // which is also that there is no such group
	})
	if err != nil {
		err = acl.Find(err, acl.Describe, acl.KindGroup, names, func(name string) error {
			_, err := c.admin.DescribeGroups(ctx, name)
			return err
		})
		return nil, fmt.Errorf("describing groups: %w", err)
	}
	return described, nil
}

func assignment(m kadm.DescribedGroupMember) string {
	c, ok := m.Assigned.AsConsumer()
	if !ok {
		return ""
	}
	var topics []string
	for _, t := range c.Topics {
		slices.Sort(t.Partitions)
		partitions := make([]string, len(t.Partitions))
		for i, p := range t.Partitions {
			partitions[i] = strconv.Itoa(int(p))
		}
		topics = append(topics, t.Topic+"["+strings.Join(partitions, " ")+"]")
	}
	slices.Sort(topics)
	return strings.Join(topics, " ")
}

// AtRest fails with an [InUseError] if one of the groups has members.
func (c *Client) AtRest(ctx context.Context, names ...string) error {
	groups, err := c.DescribeGroups(ctx, names...)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if len(g.Members) > 0 {
			return &InUseError{g.Name, len(g.Members)}
		}
	}
	return nil
}

// DeleteGroups deletes groups. It returns the names of the deleted ones, also with an
// error.
func (c *Client) DeleteGroups(ctx context.Context, names ...string) (deleted []string, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	var responses kadm.DeleteGroupResponses
	err = fetch.AwaitCoordinator(ctx, func() (err error) {
		responses, err = c.admin.DeleteGroups(ctx, names...)
		return err
	})
	if err != nil {
		err = acl.Find(err, acl.Delete, acl.KindGroup, names, func(string) error { return err })
		return nil, fmt.Errorf("deleting groups: %w", err)
	}
	for _, r := range responses.Sorted() {
		if r.Err != nil {
			return deleted, fmt.Errorf("deleting group %s: %w", r.Group, acl.Check(r.Err, acl.Delete, acl.Group(r.Group)))
		}
		deleted = append(deleted, r.Group)
	}
	return deleted, nil
}
