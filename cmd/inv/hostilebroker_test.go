package main

import (
	"encoding/binary"
	"io"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"

	"inv/internal/broker"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// hostile is what every name has in these tests: escapes, C1 controls as bytes and as
// characters, line ends, a bell and bidi controls.
const hostile = "\x1bc\x1b7\a\u009b1m\u0080\u009f\x9b2J\x80\n" + forged + "\r\u202a\u202e\u2066\u2069\u200e\u200f\u061c"

// forged begins the line that hostile tries to add.
const forged = "FORGED"

// placeholder stands for hostile in the names that the broker behind the proxy has.
const placeholder = "h0st1le"

// hostileBroker returns the address of a broker whose names and messages are hostile:
// a proxy that swaps hostile and the placeholder in requests and responses, and adds
// racks and the texts of errors. Records are left as they are. refuse chooses the
// requests whose parts are all refused.
func hostileBroker(t *testing.T, refuse func(key int16) bool) string {
	t.Helper()
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	back, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.Start(broker.Options{Listen: back, Advertise: front.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { front.Close(); b.Close() })
	go func() {
		for {
			client, err := front.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", back)
			if err != nil {
				client.Close()
				return
			}
			p := &proxy{refuse: refuse, asked: map[uint32]kmsg.Request{}}
			go pipeFrames(server, client, p.request)
			go pipeFrames(client, server, p.response)
		}
	}()
	return front.Addr().String()
}

// pipeFrames copies frames until either side ends.
func pipeFrames(dst, src net.Conn, change func([]byte) []byte) {
	defer dst.Close()
	defer src.Close()
	var size [4]byte
	for {
		if _, err := io.ReadFull(src, size[:]); err != nil {
			return
		}
		frame := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(src, frame); err != nil {
			return
		}
		frame = change(frame)
		if _, err := dst.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)); err != nil {
			return
		}
	}
}

// proxy is one connection.
type proxy struct {
	refuse func(key int16) bool
	mu     sync.Mutex
	asked  map[uint32]kmsg.Request // by correlation id
}

func (p *proxy) request(frame []byte) []byte {
	r := kbin.Reader{Src: frame}
	key, version, id := r.Int16(), r.Int16(), r.Uint32()
	client := r.NullableString()
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	if req.IsFlexible() {
		kmsg.SkipTags(&r)
	}
	if req.ReadFrom(r.Src) != nil {
		return frame
	}
	swap(reflect.ValueOf(req), hostile, placeholder)
	p.mu.Lock()
	p.asked[id] = req
	p.mu.Unlock()
	head := kbin.AppendInt16(kbin.AppendInt16(nil, key), version)
	if head = kbin.AppendUint32(head, id); client != nil {
		safe := strings.ReplaceAll(*client, hostile, placeholder)
		client = &safe
	}
	if head = kbin.AppendNullableString(head, client); req.IsFlexible() {
		head = append(head, 0)
	}
	return req.AppendTo(head)
}

func (p *proxy) response(frame []byte) []byte {
	r := kbin.Reader{Src: frame}
	id := r.Uint32()
	p.mu.Lock()
	req := p.asked[id]
	delete(p.asked, id)
	p.mu.Unlock()
	if req == nil {
		return frame
	}
	resp := req.ResponseKind()
	tagged := resp.IsFlexible() && req.Key() != int16(kmsg.ApiVersions)
	if tagged {
		kmsg.SkipTags(&r)
	}
	if resp.ReadFrom(r.Src) != nil {
		return frame
	}
	swap(reflect.ValueOf(resp), placeholder, hostile)
	complain(reflect.ValueOf(resp), p.refuse != nil && p.refuse(req.Key()))
	head := kbin.AppendUint32(nil, id)
	if tagged {
		head = append(head, 0)
	}
	return resp.AppendTo(head)
}

// swap replaces from by to in all strings.
func swap(v reflect.Value, from, to string) {
	walk(v, func(v reflect.Value) {
		if v.Kind() == reflect.String {
			v.SetString(strings.ReplaceAll(v.String(), from, to))
		}
	})
}

// complain gives each error a hostile message, and brokers a rack; if refused is set,
// everything that has an error code gets one.
func complain(v reflect.Value, refused bool) {
	const policyViolation = 44
	text := "refused by " + hostile
	walk(v, func(v reflect.Value) {
		if v.Kind() != reflect.Struct {
			return
		}
		code, message := v.FieldByName("ErrorCode"), v.FieldByName("ErrorMessage")
		if code.IsValid() && refused {
			code.SetInt(policyViolation)
		}
		if code.IsValid() && message.IsValid() && code.Int() != 0 {
			message.Set(reflect.ValueOf(&text))
		}
		if rack := v.FieldByName("Rack"); rack.IsValid() && rack.Type() == reflect.TypeFor[*string]() {
			r := "rack " + hostile
			rack.Set(reflect.ValueOf(&r))
		}
	})
}

// walk visits all values that can be set.
func walk(v reflect.Value, visit func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			walk(v.Elem(), visit)
		}
		return
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type().Field(i).Name != "UnknownTags" {
				walk(v.Field(i), visit)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			walk(v.Index(i), visit)
		}
	}
	if v.CanSet() {
		visit(v)
	}
}
