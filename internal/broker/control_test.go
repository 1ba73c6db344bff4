package broker

import (
	"net"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A request is not kept when another one has come, though its connection lives.
func TestControlKeepsNoRequest(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ListenFn(func(string, string) (net.Listener, error) {
		return net.Listen("tcp", "127.0.0.1:0")
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	seen := make(chan weak.Pointer[kmsg.ListGroupsRequest], 10)
	control(cluster, kmsg.ListGroups, func(request kmsg.Request) (kmsg.Response, error) {
		seen <- weak.Make(request.(*kmsg.ListGroupsRequest))
		return nil, nil
	})
	var first weak.Pointer[kmsg.ListGroupsRequest]
	for i := range 3 {
		client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		if _, err := kmsg.NewPtrListGroupsRequest().RequestWith(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		if request := <-seen; i == 0 {
			first = request
		}
	}
	for deadline := time.Now().Add(10 * time.Second); first.Value() != nil; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatal("the first connection's request is kept after two others")
		}
	}
}
