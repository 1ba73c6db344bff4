// Package event holds the records that the inventory system's parts exchange,
// but none of the rules that produce them: the processor, the auditor and the
// dashboard share these types and their encoding only.
//
// A record is the JSON value of a Kafka record. Readers accept the fields in any
// order and ignore unknown ones; writers write the fields in the order of the
// structs below, without white space, so that equal records are equal bytes.
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
	WarehouseID       string // optional
	InitialStock      int64  // optional
}

// Order is a customer's order; its key is OrderID.
type Order struct {
	OrderID    string
	CustomerID string
	Items      []Line
	Total      Money
	TotalText  string // the total as written if Money rounds it, else ""
	Timestamp  int64  // optional
}

// Line is one item of an order. An order may list a product twice.
type Line struct {
	ProductID string
	Quantity  int64
	UnitPrice Money
	PriceText string // the price as written if Money rounds it, else ""
}

// Update is the effect of one cause on the stock of one product; its key is
// ProductID.
type Update struct {
	ProductID         string
	ProductName       string // absent from the reference system, like every field down to Cause but CurrentStock
	Category          string
	CurrentStock      int64
	WarehouseID       string
	Timestamp         int64
	UnitPrice         Money // of the order line; for every other cause, of the catalogue
	ReorderThreshold  int64
	ReorderQuantity   int64
	CriticalThreshold int64
	Seq               int64  // 1, 2, 3 … per product
	Delta             int64  // change of the stock; negative for an order line
	Cause             string // topic/partition@offset#line, see [Cause]
	UnmetQuantity     int64  // demand that exceeded the stock
	LastOrderID       string
	LastReorderID     string
	LastUpdated       int64 // processing time; every other field is a function of the log
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

// AlertCritical is the only alert type.
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

// Receipt is stock that arrived; its key is ProductID. EventID is the reorder that
// it fulfils, "" for a manual restock.
type Receipt struct {
	ReceiptID   string
	EventID     string
	ProductID   string
	Quantity    int64
	WarehouseID string
	Timestamp   int64
}
