// Package event holds the records that the inventory system's parts exchange,
// and nothing about how they are decided: the processor, the auditor and the
// dashboard share these types and their encoding, and share no rule.
//
// A record is the JSON value of a Kafka record. Readers take any JSON that has
// the fields with their types, in any order, and ignore fields that they do
// not know; writers write the fields in the order of the structs below, without
// white space, so that equal records are equal bytes.
//
// Timestamps are epoch milliseconds, quantities are units, money is [Money].
package event

// Product is a record of the catalogue; its key is ID. The first seven fields
// are what the reference system writes, the last two are optional additions.
type Product struct {
	ID                string
	Name              string
	Category          string
	Price             Money
	ReorderThreshold  int64
	ReorderQuantity   int64
	CriticalThreshold int64
	WarehouseID       string // "" when the record has none
	InitialStock      int64  // 0 when the record has none
}

// Order is a customer's order; its key is OrderID.
type Order struct {
	OrderID    string
	CustomerID string
	Items      []Line
	Total      Money
	Timestamp  int64 // 0 when the record has none
}

// Line is one item of an order. One order may name a product twice.
type Line struct {
	ProductID string
	Quantity  int64
	UnitPrice Money
}

// Update says what one cause did to one product's stock; its key is ProductID.
type Update struct {
	ProductID         string
	ProductName       string // "" from the reference system, as every field down to Cause but CurrentStock
	Category          string
	CurrentStock      int64
	WarehouseID       string
	Timestamp         int64
	UnitPrice         Money // an order line's price, the catalogue's for every other cause
	ReorderThreshold  int64
	ReorderQuantity   int64
	CriticalThreshold int64
	Seq               int64  // 1, 2, 3 … per product
	Delta             int64  // what was added to the stock; negative for an order line
	Cause             string // topic/partition@offset#line, see [Cause]
	UnmetQuantity     int64  // demand that stock could not fill
	LastOrderID       string
	LastReorderID     string
	LastUpdated       int64 // processing time: the one field that is not a function of the log
}

// Priorities of a [Reorder].
const (
	PriorityNormal = "normal"
	PriorityUrgent = "urgent"
)

// Reorder asks procurement for more of a product; its key is EventID.
type Reorder struct {
	EventID         string
	ProductID       string
	ProductName     string
	CurrentStock    int64
	ReorderQuantity int64
	Priority        string
	WarehouseID     string
	Timestamp       int64
}

// AlertCritical is the one alert type there is.
const AlertCritical = "critical_inventory"

// Alert tells warehouse staff of critical stock; its key is ProductID.
type Alert struct {
	AlertID      string
	AlertType    string
	ProductID    string
	ProductName  string
	CurrentStock int64
	Threshold    int64
	WarehouseID  string
	Timestamp    int64
	Message      string
}

// Receipt is stock that arrived; its key is ProductID. EventID names the
// reorder that it fulfils, "" for a manual restock.
type Receipt struct {
	ReceiptID   string
	EventID     string
	ProductID   string
	Quantity    int64
	WarehouseID string
	Timestamp   int64
}
