package dashboard_test

import (
	"context"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"inv/inspect/dashboard"
	"inv/internal/event"
	"inv/internal/kafka/fetch"
)

// counter is a dashboard without a broker: the test fills its model.
type counter struct {
	hub    *dashboard.Hub
	url    string
	clock  atomic.Int64 // epoch ms
	offset int64
}

func newCounter(t *testing.T, access dashboard.Access) *counter {
	c := &counter{}
	c.clock.Store(time.Now().UnixMilli())
	c.hub = dashboard.NewHub("order_events", func() time.Time { return time.UnixMilli(c.clock.Load()) })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { c.hub.Publish(ctx); close(done) }()
	server := httptest.NewServer(dashboard.NewHandler(c.hub, access))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close(); cancel(); <-done })
	c.url = server.URL + "/"
	return c
}

// take folds a record.
func (c *counter) take(source dashboard.Source, topic, key string, value []byte, headers ...fetch.Header) {
	c.offset++
	r := &fetch.Record{Topic: topic, Offset: c.offset, Timestamp: c.clock.Load(), Key: []byte(key), Value: value}
	r.SetHeaders(headers)
	c.hub.Update(func(m *dashboard.Model) { m.Apply(&dashboard.Record{Source: source, Record: r}, c.clock.Load()) })
}

func (c *counter) product(p event.Product) {
	c.take(dashboard.Catalog, "product_catalog", p.ID, event.AppendProduct(nil, &p))
}

func (c *counter) update(u event.Update) {
	c.take(dashboard.Updates, "inventory_updates", u.ProductID, event.AppendUpdate(nil, &u))
}

// lamp is a product of the catalogue.
func lamp(id string) event.Product {
	return event.Product{ID: id, Name: "Lamp " + id, Category: "office", WarehouseID: "east", Price: 10 * event.MoneyUnit,
		ReorderThreshold: 10, ReorderQuantity: 50, CriticalThreshold: 5, InitialStock: 40}
}

func (c *counter) deadLetter(message string) {
	c.take(dashboard.DeadLetters, "order_events.dlq", "k", []byte("{"), fetch.Header{Key: event.HeaderDLQTopic, Value: []byte("order_events")},
		fetch.Header{Key: event.HeaderDLQReason, Value: []byte("not-json")}, fetch.Header{Key: event.HeaderDLQMessage, Value: []byte(message)})
}

// stage sets the stage of loading.
func (c *counter) stage(loading string) {
	c.hub.Update(func(m *dashboard.Model) { m.SetStatus(dashboard.Status{Loading: loading, AsOf: c.clock.Load()}) })
}
