package event

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The records of the specification, byte for byte.
const (
	productJSON = `{"id":"prod-123","name":"Wireless Headphones","category":"electronics","price":79.99,"reorder_threshold":10,"reorder_quantity":50,"critical_threshold":5,"warehouse_id":"wh-east-1","initial_stock":40}`
	orderJSON   = `{"order_id":"order-456","customer_id":"cust-789","items":[{"product_id":"prod-123","quantity":2,"unit_price":79.99}],"order_total":159.98,"timestamp":1625097600000}`
	updateJSON  = `{"product_id":"prod-123","product_name":"Wireless Headphones","category":"electronics","current_stock":0,"warehouse_id":"wh-east-1","timestamp":1625097600000,"unit_price":79.99,"reorder_threshold":10,"reorder_quantity":50,"critical_threshold":5,"seq":7,"delta":-15,"cause":"order_events/3@1841#0","unmet_quantity":4,"last_order_id":"order-456","last_reorder_id":"reorder-prod-123-3","last_updated":1625097600123}`
	reorderJSON = `{"event_id":"reorder-789","product_id":"prod-123","product_name":"Wireless Headphones","current_stock":5,"reorder_quantity":50,"priority":"normal","warehouse_id":"wh-east-1","timestamp":1625097600000}`
	alertJSON   = `{"alert_id":"alert-123","alert_type":"critical_inventory","product_id":"prod-123","product_name":"Wireless Headphones","current_stock":2,"threshold":5,"warehouse_id":"wh-east-1","timestamp":1625097600000,"message":"Critical inventory level: Wireless Headphones (2 units remaining)"}`
	receiptJSON = `{"receipt_id":"receipt-reorder-789","event_id":"reorder-789","product_id":"prod-123","quantity":50,"warehouse_id":"wh-east-1","timestamp":1625097605000}`
)

// codec is one record type's parser and writer, put together.
type codec struct {
	name  string
	again func(value []byte) ([]byte, error)
}

func codecOf[T any](name string, parse func([]byte, *T) error, write func([]byte, *T) []byte) codec {
	return codec{name, func(value []byte) ([]byte, error) {
		var v T
		if err := parse(value, &v); err != nil {
			return nil, err
		}
		return write(nil, &v), nil
	}}
}

var (
	products = codecOf("product", ParseProduct, AppendProduct)
	orders   = codecOf("order", ParseOrder, AppendOrder)
	updates  = codecOf("update", ParseUpdate, AppendUpdate)
	reorders = codecOf("reorder", ParseReorder, AppendReorder)
	alerts   = codecOf("alert", ParseAlert, AppendAlert)
	receipts = codecOf("receipt", ParseReceipt, AppendReceipt)
)

func TestRecordsOfTheSpecificationRoundTrip(t *testing.T) {
	for _, c := range []struct {
		codec codec
		value string
	}{
		{products, productJSON}, {orders, orderJSON}, {updates, updateJSON},
		{reorders, reorderJSON}, {alerts, alertJSON}, {receipts, receiptJSON},
	} {
		got, err := c.codec.again([]byte(c.value))
		if err != nil {
			t.Errorf("%s: %v", c.codec.name, err)
		} else if string(got) != c.value {
			t.Errorf("%s:\n got %s\nwant %s", c.codec.name, got, c.value)
		}
	}
}

func TestOptionalFieldsAreOmitted(t *testing.T) {
	for _, c := range []struct {
		codec codec
		value string
	}{
		{products, `{"id":"a","name":"","category":"","price":0.00,"reorder_threshold":0,"reorder_quantity":0,"critical_threshold":0}`},
		{receipts, `{"receipt_id":"r","product_id":"a","quantity":1,"timestamp":0}`},
		{orders, `{"order_id":"o","customer_id":"","items":[],"order_total":0.00}`},
	} {
		if got, err := c.codec.again([]byte(c.value)); err != nil || string(got) != c.value {
			t.Errorf("%s: %v\n got %s\nwant %s", c.codec.name, err, got, c.value)
		}
	}
}

// The reference system's records have other field orders, raw doubles for
// totals, and fewer fields.
func TestRecordsOfTheReferenceSystemAreRead(t *testing.T) {
	for file, check := range map[string]func(value []byte) error{
		"product_catalog": func(value []byte) error {
			var p Product
			if err := ParseProduct(value, &p); err != nil {
				return err
			}
			return p.Check()
		},
		"order_events": func(value []byte) error {
			var o Order
			return errors.Join(ParseOrder(value, &o), o.Check(), o.CheckTotal())
		},
		"inventory_updates": func(value []byte) error {
			var u Update
			has, err := ParseUpdateFields(value, &u)
			if err == nil && (has != HasUpdateStock || u.ProductID == "" || u.LastOrderID == "" || u.LastUpdated == 0) {
				t.Errorf("%s has %b, read as %+v", value, has, u)
			}
			return err
		},
		"reorder_events": func(value []byte) error {
			var r Reorder
			return errors.Join(ParseReorder(value, &r), r.Check())
		},
		"inventory_alerts": func(value []byte) error {
			var a Alert
			return ParseAlert(value, &a)
		},
	} {
		for i, value := range sample(t, file) {
			if err := check(value); err != nil {
				t.Errorf("%s line %d: %v", file, i+1, err)
			}
		}
	}
}

// sample reads the values of a file under testdata/samples.
func sample(tb testing.TB, name string) (values [][]byte) {
	tb.Helper()
	f, err := os.Open(filepath.Join("testdata", "samples", name+".jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var record struct{ Value string }
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			tb.Fatal(err)
		}
		values = append(values, []byte(record.Value))
	}
	if len(values) == 0 {
		tb.Fatalf("no sample in %s", name)
	}
	return values
}

func TestBadOrdersByName(t *testing.T) {
	line := `{"product_id":"p","quantity":1,"unit_price":1}`
	order := func(items, rest string) string { return `{"order_id":"o","items":[` + items + `]` + rest + `}` }
	for name, c := range map[string]struct {
		value string
		want  Reason // "" for a good one
	}{
		"good":                           {order(line, `,"order_total":1`), ""},
		"good, spaced, any order":        {" {\n\"order_total\" : 1.0,\t\"items\":[ " + line + " ] , \"order_id\":\"o\"}\r\n", ""},
		"empty":                          {"", NotJSON},
		"only space":                     {"  ", NotJSON},
		"text":                           {"order", NotJSON},
		"cut":                            {`{"order_id":"o"`, NotJSON},
		"trailing garbage":               {order(line, `,"order_total":1`) + "x", NotJSON},
		"two documents":                  {order(line, `,"order_total":1`) + "{}", NotJSON},
		"trailing comma":                 {order(line, `,"order_total":1,`), NotJSON},
		"byte order mark":                {"\xef\xbb\xbf" + order(line, `,"order_total":1`), NotJSON},
		"newline in a text":              {"{\"order_id\":\"a\nb\"}", NotJSON},
		"wrong type, then not JSON":      {`{"order_id":5,`, NotJSON},
		"leading zero":                   {order(line, `,"order_total":01`), NotJSON},
		"hex":                            {order(line, `,"order_total":0x1`), NotJSON},
		"NaN":                            {order(line, `,"order_total":NaN`), NotJSON},
		"list":                           {`[]`, WrongType},
		"null":                           {`null`, WrongType},
		"id is a number":                 {`{"order_id":5,"items":[` + line + `],"order_total":1}`, WrongType},
		"items is an object":             {`{"order_id":"o","items":{},"order_total":1}`, WrongType},
		"item is null":                   {order(`null`, `,"order_total":1`), WrongType},
		"item is a text":                 {order(`"p"`, `,"order_total":1`), WrongType},
		"total is a text":                {order(line, `,"order_total":"1"`), WrongType},
		"quantity is a text":             {order(`{"product_id":"p","quantity":"1"}`, ``), WrongType},
		"timestamp is a fraction":        {order(line, `,"order_total":1,"timestamp":1.5`), WrongType},
		"last of a repeated field":       {order(line, `,"order_total":"1","order_total":1`), ""},
		"last of repeated items":         {`{"order_id":"o","items":[null],"items":[` + line + `],"order_total":1}`, ""},
		"last of a repeated field, bad":  {order(line, `,"order_total":1,"order_total":"1"`), WrongType},
		"name in other case":             {`{"ORDER_ID":"o","items":[` + line + `],"order_total":1}`, MissingID},
		"name with an escape":            {`{"order\u005fid":"o","items":[` + line + `],"order_total":1}`, ""},
		"no id":                          {`{"items":[` + line + `],"order_total":1}`, MissingID},
		"null id":                        {`{"order_id":null,"items":[` + line + `],"order_total":1}`, MissingID},
		"empty id":                       {`{"order_id":"","items":[` + line + `],"order_total":1}`, MissingID},
		"no product id":                  {order(`{"quantity":1,"unit_price":1}`, `,"order_total":1`), MissingID},
		"no items":                       {order(``, `,"order_total":0`), NoItems},
		"items absent":                   {`{"order_id":"o","order_total":0}`, NoItems},
		"items null":                     {`{"order_id":"o","items":null,"order_total":0}`, NoItems},
		"quantity 0":                     {order(`{"product_id":"p","quantity":0,"unit_price":1}`, `,"order_total":0`), BadQuantity},
		"quantity negative":              {order(`{"product_id":"p","quantity":-1,"unit_price":1}`, `,"order_total":-1`), BadQuantity},
		"quantity a fraction":            {order(`{"product_id":"p","quantity":1.5,"unit_price":1}`, `,"order_total":1.5`), BadQuantity},
		"quantity absent":                {order(`{"product_id":"p","unit_price":1}`, `,"order_total":0`), BadQuantity},
		"quantity over 10^9":             {order(`{"product_id":"p","quantity":1000000001,"unit_price":0}`, `,"order_total":0`), OutOfRange},
		"quantity 10^9":                  {order(`{"product_id":"p","quantity":1000000000,"unit_price":0}`, `,"order_total":0`), ""},
		"quantity beyond 64 bits":        {order(`{"product_id":"p","quantity":99999999999999999999,"unit_price":0}`, `,"order_total":0`), OutOfRange},
		"price negative":                 {order(`{"product_id":"p","quantity":1,"unit_price":-0.01}`, `,"order_total":0`), NegativePrice},
		"price over 10^12":               {order(`{"product_id":"p","quantity":1,"unit_price":1000000000001}`, `,"order_total":0`), OutOfRange},
		"price 1e400":                    {order(`{"product_id":"p","quantity":1,"unit_price":1e400}`, `,"order_total":0`), OutOfRange},
		"total negative":                 {order(line, `,"order_total":-1`), NegativeTotal},
		"total over 10^12":               {order(line, `,"order_total":1000000000000.01`), OutOfRange},
		"total off by half a cent":       {order(line, `,"order_total":1.005`), ""},
		"total off by more":              {order(line, `,"order_total":1.005001`), TotalMismatch},
		"total below":                    {order(line, `,"order_total":0.994999`), TotalMismatch},
		"total absent":                   {order(line, ``), TotalMismatch},
		"total in an exponent":           {order(line, `,"order_total":1e0`), ""},
		"total as a raw double":          {order(`{"product_id":"p","quantity":8,"unit_price":92.98}`, `,"order_total":743.8399999999999`), ""},
		"sum beyond 64 bits":             {order(`{"product_id":"p","quantity":1000000000,"unit_price":1000000000000}`, `,"order_total":0`), TotalMismatch},
		"sum wraps to the total":         {order(`{"product_id":"p","quantity":536870912,"unit_price":34359.738368},`+line, `,"order_total":1`), TotalMismatch},
		"time before 1970":               {order(line, `,"order_total":1,"timestamp":-1`), OutOfRange},
		"time after 9999":                {order(line, `,"order_total":1,"timestamp":253402300800000`), OutOfRange},
		"unknown fields":                 {order(line, `,"order_total":1,"extra":{"a":[1,{"b":null}],"c":-1.5e+3,"d":"\ud83d\ude00"}`), ""},
		"id is not UTF-8":                {"{\"order_id\":\"\xff\",\"items\":[" + line + "],\"order_total\":1}", NotUnicode},
		"id with half a surrogate pair":  {`{"order_id":"\ud800","items":[` + line + `],"order_total":1}`, NotUnicode},
		"id with halves in wrong order":  {`{"order_id":"\udc00\ud800","items":[` + line + `],"order_total":1}`, NotUnicode},
		"id with a surrogate pair":       {`{"order_id":"\ud83d\ude00","items":[` + line + `],"order_total":1}`, ""},
		"id that is U+FFFD":              {`{"order_id":"\ufffd","items":[` + line + `],"order_total":1}`, ""},
		"product id is not UTF-8":        {order("{\"product_id\":\"p\xc3\",\"quantity\":1,\"unit_price\":1}", `,"order_total":1`), NotUnicode},
		"the last id is Unicode":         {`{"order_id":"\ud800","order_id":"o","items":[` + line + `],"order_total":1}`, ""},
		"customer is not UTF-8":          {"{\"order_id\":\"o\",\"customer_id\":\"\xff\",\"items\":[" + line + "],\"order_total\":1}", ""},
		"id of 1 KiB":                    {`{"order_id":"` + strings.Repeat("o", 1024) + `","items":[` + line + `],"order_total":1}`, ""},
		"id over 1 KiB":                  {`{"order_id":"` + strings.Repeat("o", 1025) + `","items":[` + line + `],"order_total":1}`, TooLarge},
		"product id over 1 KiB":          {order(`{"product_id":"`+strings.Repeat("p", 1025)+`","quantity":1,"unit_price":1}`, `,"order_total":1`), TooLarge},
		"price of less than a millionth": {order(`{"product_id":"p","quantity":1000000,"unit_price":0.0000004}`, `,"order_total":0.4`), ""},
		"that price, with another total": {order(`{"product_id":"p","quantity":1000000,"unit_price":0.0000004}`, `,"order_total":0`), TotalMismatch},
		"price in many decimals":         {order(`{"product_id":"p","quantity":300000,"unit_price":0.33333333333333333}`, `,"order_total":100000`), ""},
		"price in an exponent":           {order(`{"product_id":"p","quantity":1000000000,"unit_price":12345e-11}`, `,"order_total":123.45`), ""},
		"fine prices of two lines":       {order(`{"product_id":"p","quantity":10000,"unit_price":1.0000004},`+line, `,"order_total":10001.004`), ""},
		"fine prices, total off":         {order(`{"product_id":"p","quantity":10000,"unit_price":1.0000009},`+line, `,"order_total":10001.0039999`), TotalMismatch},
		"total off by a hair more":       {order(line, `,"order_total":1.00500000000000001`), TotalMismatch},
		"price a hair below 0":           {order(`{"product_id":"p","quantity":1,"unit_price":-1e-9}`, `,"order_total":0`), NegativePrice},
		"price of -1e-400":               {order(`{"product_id":"p","quantity":1,"unit_price":-1e-400}`, `,"order_total":0`), NegativePrice},
		"price of -0":                    {order(`{"product_id":"p","quantity":1,"unit_price":-0.0e5}`, `,"order_total":0`), ""},
		"price a hair over 10^12":        {order(`{"product_id":"p","quantity":1,"unit_price":1000000000000.0000001}`, `,"order_total":1000000000000`), OutOfRange},
		"total a hair below 0":           {order(`{"product_id":"p","quantity":1,"unit_price":0}`, `,"order_total":-0.0000001`), NegativeTotal},
		"nested too deep":                {order(line, `,"order_total":1,"x":`+strings.Repeat("[", 10000)+strings.Repeat("]", 10000)), NotJSON},
		"nested as deep as may be":       {order(line, `,"order_total":1,"x":`+strings.Repeat("[", 9999)+strings.Repeat("]", 9999)), ""},
	} {
		var o Order
		err := ParseOrder([]byte(c.value), &o)
		if err == nil {
			err = o.Check()
		}
		if err == nil {
			err = o.CheckTotal()
		}
		if got := reasonOf(t, err); got != c.want {
			t.Errorf("%s: %q (%v), want %q", name, got, err, c.want)
		}
	}
}

// reasonOf returns an error's reason; its message must be fit for a header.
func reasonOf(t *testing.T, err error) Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is a %T", err, err)
	}
	if len(e.Message) > 512 || strings.ContainsFunc(e.Message, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.Errorf("the message %q is not fit to print", e.Message)
	}
	return e.Reason
}

func TestBadProductsAndReceiptsByName(t *testing.T) {
	product := func(value string) error {
		var p Product
		if err := ParseProduct([]byte(value), &p); err != nil {
			return err
		}
		if err := p.Check(); err != nil {
			return err
		}
		return p.CheckKey([]byte("a"))
	}
	receipt := func(value string) error {
		var r Receipt
		if err := ParseReceipt([]byte(value), &r); err != nil {
			return err
		}
		return r.Check()
	}
	reorder := func(value string) error {
		var r Reorder
		if err := ParseReorder([]byte(value), &r); err != nil {
			return err
		}
		return r.Check()
	}
	for name, c := range map[string]struct {
		check func(string) error
		value string
		want  Reason
	}{
		"product good":                 {product, `{"id":"a"}`, ""},
		"product without id":           {product, `{"name":"a"}`, MissingID},
		"product with another key":     {product, `{"id":"b"}`, KeyMismatch},
		"product, escapes in its id":   {product, `{"id":"\u001b[31mb"}`, KeyMismatch},
		"product, price below 0":       {product, `{"id":"a","price":-1e-9}`, NegativeNumber},
		"product, id not UTF-8":        {product, "{\"id\":\"a\xff\"}", NotUnicode},
		"product, half a surrogate":    {product, `{"id":"\udfff"}`, NotUnicode},
		"product, name not UTF-8":      {product, "{\"id\":\"a\",\"name\":\"\xff\"}", ""},
		"product, id over 1 KiB":       {product, `{"id":"` + strings.Repeat("a", 1025) + `"}`, TooLarge},
		"product, a CloudEvent":        {product, `{"specversion":"1.0","type":"t","source":"s","id":"a","data":{"id":"a"}}`, StructuredMode},
		"product with a type":          {product, `{"id":"a","type":"t","source":"s"}`, ""},
		"product, price negative":      {product, `{"id":"a","price":-1}`, NegativeNumber},
		"product, threshold negative":  {product, `{"id":"a","reorder_threshold":-1}`, NegativeNumber},
		"product, stock negative":      {product, `{"id":"a","initial_stock":-1}`, NegativeNumber},
		"product, stock over 10^9":     {product, `{"id":"a","initial_stock":1000000001}`, OutOfRange},
		"product, price is a text":     {product, `{"id":"a","price":"1"}`, WrongType},
		"product, quantity a fraction": {product, `{"id":"a","reorder_quantity":1.5}`, WrongType},
		"receipt good":                 {receipt, `{"receipt_id":"r","product_id":"a","quantity":1}`, ""},
		"receipt without id":           {receipt, `{"product_id":"a","quantity":1}`, MissingID},
		"receipt without product":      {receipt, `{"receipt_id":"r","quantity":1}`, MissingID},
		"receipt of nothing":           {receipt, `{"receipt_id":"r","product_id":"a","quantity":0}`, BadQuantity},
		"receipt, quantity absent":     {receipt, `{"receipt_id":"r","product_id":"a"}`, BadQuantity},
		"receipt over 10^9":            {receipt, `{"receipt_id":"r","product_id":"a","quantity":1000000001}`, OutOfRange},
		"receipt, half a surrogate":    {receipt, `{"receipt_id":"r","event_id":"\ud800","product_id":"a","quantity":1}`, NotUnicode},
		"receipt, event id over 2 KiB": {receipt, `{"receipt_id":"r","event_id":"` + strings.Repeat("e", 2049) + `","product_id":"a","quantity":1}`, TooLarge},
		"reorder, id over 2 KiB":       {reorder, `{"event_id":"` + strings.Repeat("e", 2049) + `","product_id":"a","reorder_quantity":1}`, TooLarge},
		"reorder good":                 {reorder, `{"event_id":"e","product_id":"a","reorder_quantity":1}`, ""},
		"reorder without id":           {reorder, `{"product_id":"a","reorder_quantity":1}`, MissingID},
		"reorder of nothing":           {reorder, `{"event_id":"e","product_id":"a"}`, BadQuantity},
	} {
		if got := reasonOf(t, c.check(c.value)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestParsingDoesNotHoldOnToTheValue(t *testing.T) {
	value := []byte(orderJSON)
	var o Order
	if err := ParseOrder(value, &o); err != nil {
		t.Fatal(err)
	}
	clear(value)
	if got := string(AppendOrder(nil, &o)); got != orderJSON {
		t.Errorf("after its buffer was cleared the order is %s", got)
	}
}

func TestOrderReusesItems(t *testing.T) {
	var o Order
	if err := ParseOrder([]byte(`{"items":[{"product_id":"a"},{"product_id":"b"}]}`), &o); err != nil {
		t.Fatal(err)
	}
	if err := ParseOrder([]byte(`{"items":[{"quantity":1}]}`), &o); err != nil {
		t.Fatal(err)
	}
	if len(o.Items) != 1 || o.Items[0] != (Line{Quantity: 1}) || cap(o.Items) < 2 {
		t.Errorf("the second order's items are %+v", o.Items)
	}
}

func TestMoney(t *testing.T) {
	for _, c := range []struct {
		literal string
		want    string // "" for an error
	}{
		{"0", "0.00"}, {"79.99", "79.99"}, {"79.9", "79.90"}, {"-1", "-1.00"}, {"0.005", "0.005"},
		{"1.0000005", "1.000001"}, {"743.8399999999999", "743.84"}, {"1e3", "1000.00"}, {"1E-2", "0.01"},
		{"1000000000000", "1000000000000.00"}, {"1000000000001", ""}, {"10000000000000", ""}, {"10000000000000.000000", ""}, {"1e300", ""}, {"-0", "0.00"},
		{"-1e-9", "-0.000001"}, {"-1e-999999999999", "-0.000001"}, {"0e999999999999", "0.00"}, {"1e-999999999999", "0.00"},
		{"0.0000005", "0.000001"}, {"0.00000049999", "0.00"}, {"1000000000000.0000001", ""}, {"0.000001e18", "1000000000000.00"},
		{"999999999999.9999995", "1000000000000.00"}, {"00012.5e-1", "1.25"}, {"1e", ""}, {"1.e5", ""}, {".5e5", ""}, {"1e+-5", ""}, {"", ""},
	} {
		m, err := ParseMoney([]byte(c.literal))
		got := ""
		if err == nil {
			got = m.String()
		}
		if got != c.want {
			t.Errorf("%s: %s (%v), want %s", c.literal, got, err, c.want)
		}
	}
}

// The text of a product's updates is the same whether or not an earlier one is
// remembered.
func TestUpdateTextIsAppendUpdate(t *testing.T) {
	a := Update{ProductID: "a", ProductName: "A \"quoted\" näme\x01", Category: "c", CurrentStock: 5, WarehouseID: "w", Timestamp: 7,
		UnitPrice: 3 * MoneyUnit, ReorderThreshold: 1, ReorderQuantity: 2, CriticalThreshold: 3, Seq: 4, Delta: -1, Cause: "t/0@1#2",
		UnmetQuantity: 8, LastOrderID: "o", LastReorderID: "r", LastUpdated: 9}
	list := []Update{a, a, {}, {}, a}
	for _, change := range []func(*Update){
		func(u *Update) { u.ProductID = "b" }, func(u *Update) { u.ProductName = "" }, func(u *Update) { u.Category = "d" },
		func(u *Update) { u.WarehouseID = "" }, func(u *Update) { u.ReorderThreshold++ }, func(u *Update) { u.ReorderQuantity++ },
		func(u *Update) { u.CriticalThreshold++ }, func(u *Update) { u.CurrentStock++ }, func(u *Update) { u.LastOrderID = "" },
	} {
		change(&a)
		list = append(list, a, a)
	}
	var text UpdateText
	for i := range list {
		want := AppendUpdate(nil, &list[i])
		if got := text.Append([]byte("x"), &list[i]); string(got) != "x"+string(want) {
			t.Errorf("%d:\n got %s\nwant %s", i, got, want)
		}
		var back Update
		if err := ParseUpdate(want, &back); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// A field that is absent or null is distinguished from one that is 0.
func TestReactionFields(t *testing.T) {
	for value, want := range map[string]ReactionFields{
		`{}`:                                0,
		`{"current_stock":0}`:               HasReactionStock,
		`{"current_stock":null}`:            0,
		`{"threshold":0,"current_stock":1}`: HasReactionStock | HasReactionThreshold,
		`{"current_stock":1,"current_stock":null}`: 0,
	} {
		var a Alert
		if got, err := BorrowAlertFields([]byte(value), &a); err != nil || got != want {
			t.Errorf("alert %s: %b, %v, want %b", value, got, err, want)
		}
		var r Reorder
		if got, err := BorrowReorderFields([]byte(value), &r); err != nil || got != want&HasReactionStock {
			t.Errorf("reorder %s: %b, %v", value, got, err)
		}
	}
}
