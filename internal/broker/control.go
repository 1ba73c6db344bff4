package broker

import (
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// control has fn see each request with a key before the broker does. If fn returns a
// response, that is sent instead; an error closes the connection. There is one function
// for each key.
//
// kfake keeps the last request of every connection that a control function has seen, a
// producer's batches with it, and the connection, for as long as the function exists.
// So the function is replaced with each request.
func control(cluster *kfake.Cluster, key kmsg.Key, fn func(kmsg.Request) (kmsg.Response, error)) {
	cluster.ControlKey(int16(key), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.DropControl()
		control(cluster, key, fn)
		response, err := fn(request)
		return response, err, response != nil || err != nil
	})
}
