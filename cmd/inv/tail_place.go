package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"inv/inspect"
	"inv/internal/event"
)

// tailPlace sets the options for the one record at a place such as orders/3@17, as the
// browser and other commands write it. Topics have no slash in their names.
func (t *tailFlags) tailPlace(args []string, o *inspect.Options) error {
	i := slices.IndexFunc(args, func(arg string) bool { return strings.Contains(arg, "/") })
	if i < 0 {
		return nil
	}
	place, err := event.ParsePlace(args[i])
	if err != nil {
		return usagef("%q is neither a topic nor a record's place such as orders/3@17", args[i])
	}
	if len(args) > 1 {
		return usagef("%s is one record; give no other topic or place with it", args[i])
	}
	for _, flag := range []string{"last", "follow", "since", "until", "offset", "partition", "group", "expect"} {
		if t.changed(flag) {
			return usagef("%s is one record; --%s is for topics", args[i], flag)
		}
	}
	o.Topics, o.Partitions, o.Follow, o.Expect = []string{place.Topic}, []int32{place.Partition}, false, 1
	o.Begin, o.Last = &inspect.Begin{Place: inspect.AtOffset, Offset: place.Offset, Only: true}, -1
	return nil
}

// absent explains the error of a place without a record.
func absent(o inspect.Options, err error) error {
	if o.Begin != nil && o.Begin.Only && errors.Is(err, inspect.ErrExpect) {
		return fmt.Errorf("no record to show at %s/%d@%d: it does not match, was compacted away or aborted, or is a transaction's marker",
			o.Topics[0], o.Partitions[0], o.Begin.Offset)
	}
	return err
}
