package convert

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func xmlJSON(t *testing.T, value string, lists ...string) (string, error) {
	t.Helper()
	x, err := NewXML(lists)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x.AppendJSON([]byte("> "), []byte(value))
	got, ok := strings.CutPrefix(string(out), "> ")
	if !ok || err != nil && got != "" {
		t.Fatalf("%q: %q, %v", value, out, err)
	}
	if err == nil && !json.Valid([]byte(got)) {
		t.Fatalf("%q: not JSON: %s", value, got)
	}
	return got, err
}

func TestXML(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"declaration 1.1", `<?xml version='1.1' encoding='UTF-8'?><Struct><cust_id>7307</cust_id><addr><city>Anytown</city></addr></Struct>`, `{"cust_id":"7307","addr":{"city":"Anytown"}}`},
		{"declaration 1.0", "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\" standalone = \"yes\" ?>\r\n<R><a>1</a></R>\n", `{"a":"1"}`},
		{"no number, no boolean", `<R><a>007</a><b>true</b><c>null</c></R>`, `{"a":"007","b":"true","c":"null"}`},
		{"empty elements", `<R><a/><b></b><c /></R>`, `{"a":"","b":"","c":""}`},
		{"empty root", `<R/>`, `{}`},
		{"text in the root", `<R>hello</R>`, `{"#text":"hello"}`},
		{"attributes", `<R id="1" x='a"b'><p cur="EUR">1.50</p><q u=""/></R>`, `{"@id":"1","@x":"a\"b","p":{"@cur":"EUR","#text":"1.50"},"q":{"@u":""}}`},
		{"white space in tags", "<R\n\ta = 'x'\n><b\t>1</b\n></R >", `{"@a":"x","b":"1"}`},
		{"repeated", `<R><l>1</l><l>2</l><l>3</l></R>`, `{"l":["1","2","3"]}`},
		{"repeated, apart", `<R><l>1</l><m>x</m><l>2</l><l>3</l><m/><l>4</l></R>`, `{"l":["1","2","3","4"],"m":["x",""]}`},
		{"repeated objects", "<R>\n <l i='1'><v>2</v></l>\n <l i='2'/>\n</R>", `{"l":[{"@i":"1","v":"2"},{"@i":"2"}]}`},
		{"names and attributes do not meet", `<R a="1"><a>2</a></R>`, `{"@a":"1","a":"2"}`},
		{"prefixes", `<s:R xmlns:s="urn:s" xmlns="urn:d"><s:a>1</s:a><a>2</a></s:R>`, `{"@xmlns:s":"urn:s","@xmlns":"urn:d","s:a":"1","a":"2"}`},
		{"nil", `<R xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><a xsi:nil="true"/><b xsi:nil="1"></b><c xsi:nil="false"/><d xmlns:xsi="urn:x" xsi:nil="true"/></R>`,
			`{"@xmlns:xsi":"http://www.w3.org/2001/XMLSchema-instance","a":null,"b":null,"c":{"@xsi:nil":"false"},"d":null}`},
		{"nil with more", `<R><a xsi:nil="true" id="5"/><b xsi:nil="true">x</b><c xsi:nil="true"><d/></c></R>`,
			`{"a":{"@xsi:nil":"true","@id":"5"},"b":{"@xsi:nil":"true","#text":"x"},"c":{"@xsi:nil":"true","d":""}}`},
		{"nil in a list", `<R><l>1</l><l xsi:nil="true"/></R>`, `{"l":["1",null]}`},
		{"nil root", `<R xsi:nil="true"/>`, `{"@xsi:nil":"true"}`},
		{"text is exact", "<R><a> x \n y\t</a></R>", `{"a":" x \n y\t"}`},
		{"white space is no text", "<R>\r\n  <a> </a>\n  <b x='1'>\n</b>\n</R>", `{"a":"","b":{"@x":"1"}}`},
		{"but is if it is meant", "<R><a><![CDATA[ ]]></a><b>&#32;</b></R>", `{"a":" ","b":" "}`},
		{"mixed", "<R>\n Hello <b>big</b> <i>wide</i> world!\n</R>", `{"#text":"Hello   world!","b":"big","i":"wide"}`},
		{"mixed, meant white space", `<R>&#32;x<b/>y<![CDATA[ ]]></R>`, `{"#text":" xy ","b":""}`},
		{"entities", `<R><a>&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;&#x22;&#92;&#13;</a></R>`, `{"a":"<>&\"'A😀\"\\\r"}`},
		{"entities in attributes", "<R a=\"&lt;&#9;&#10;'\t\r\n \"/>", `{"@a":"<\t\n'   "}`},
		{"no entity in CDATA", `<R><![CDATA[a < b && "c" &lt; ]] ]> ]]></R>`, `{"#text":"a < b && \"c\" &lt; ]] ]> "}`},
		{"CDATA in text", `<R><a>x<![CDATA[]]>y<![CDATA[<]]>z</a><b><![CDATA[]]></b></R>`, `{"a":"xy<z","b":""}`},
		{"comments, instructions", "<?p q?><!-- > --><R><!--c-->a<?x <y>?>b<!-- - --></R><!--end-->\n<?p?>", `{"#text":"ab"}`},
		{"line ends", "<R><a>1\r\n2\r3\n4</a></R>", `{"a":"1\n2\n3\n4"}`},
		{"line ends 1.1", "<?xml version='1.1'?><R b='1\u00852'><a>1\r\u00852\u20283\u2029</a></R>", `{"@b":"1 2","a":"1\n2\n3` + "\u2029" + `"}`},
		{"no line ends in 1.0", "<R><a>\u0085\u2028\u007f</a></R>", `{"a":"` + "\u0085\u2028\u007f" + `"}`},
		{"control characters in 1.1", "<?xml version='1.1'?><R>&#1;&#x7f;&#x85;</R>", `{"#text":"\u0001` + "\u007f\u0085" + `"}`},
		{"quotes, backslashes", `<R><a>C:\x "y"</a></R>`, `{"a":"C:\\x \"y\""}`},
		{"names", `<Größe><état·1>x</état·1><名.a-b_c>y</名.a-b_c></Größe>`, `{"état·1":"x","名.a-b_c":"y"}`},
		{"a name that begins like another", `<R><ab>1</ab><a>2</a><abc>3</abc></R>`, `{"ab":"1","a":"2","abc":"3"}`},
		{"many names", `<R><a/><b/><c/><d/><e/><f/><g/><h/><i/><j/><k/><l/><m/><n/><a>2</a><n>2</n><n>3</n><b/><a>3</a></R>`,
			`{"a":["","2","3"],"b":["",""],"c":"","d":"","e":"","f":"","g":"","h":"","i":"","j":"","k":"","l":"","m":"","n":["","2","3"]}`},
	} {
		if got, err := xmlJSON(t, tt.value); err != nil || got != tt.want {
			t.Errorf("%s:\n%s, %v; want\n%s", tt.name, got, err, tt.want)
		}
	}
}

func TestXMLLists(t *testing.T) {
	for _, tt := range []struct{ value, lists, want string }{
		{`<R><line>1</line></R>`, "line", `{"line":["1"]}`},
		{`<R><line>1</line><x/><line>2</line></R>`, "line", `{"line":["1","2"],"x":""}`},
		{`<R/>`, "line", `{"line":[]}`},
		{`<R a="1">x</R>`, "line m", `{"@a":"1","#text":"x","line":[],"m":[]}`},
		{`<R><line/></R>`, "line", `{"line":[""]}`},
		{`<R><line xsi:nil="1"/></R>`, "line", `{"line":[null]}`},
		{`<R><addr><line>1</line></addr><line>2</line></R>`, "addr.line", `{"addr":{"line":["1"]},"line":"2"}`},
		{`<R><addr/></R>`, "addr.line", `{"addr":{"line":[]}}`},
		{`<R><addr>x</addr></R>`, "addr.line", `{"addr":{"#text":"x","line":[]}}`},
		{`<R><addr xsi:nil="true"/></R>`, "addr.line", `{"addr":null}`},
		{`<R/>`, "addr.line", `{}`},
		{`<R><o><i>1</i></o><o/></R>`, "o o.i", `{"o":[{"i":["1"]},{"i":[]}]}`},
		{`<R><o><p><i>1</i></p></o></R>`, "o.p.i", `{"o":{"p":{"i":["1"]}}}`},
		{`<s:R><s:a>1</s:a></s:R>`, "s:a", `{"s:a":["1"]}`},
	} {
		if got, err := xmlJSON(t, tt.value, strings.Fields(tt.lists)...); err != nil || got != tt.want {
			t.Errorf("%s with %s:\n%s, %v; want\n%s", tt.value, tt.lists, got, err, tt.want)
		}
	}
	for _, list := range []string{"", ".a", "a.", "a..b", "a b", "@id", "#text", "a[]", "1"} {
		if _, err := NewXML([]string{list}); err == nil {
			t.Errorf("%q is accepted", list)
		}
	}
}

func TestXMLErrors(t *testing.T) {
	for _, tt := range []struct {
		value  string
		offset int
		want   string
	}{
		{"", 0, "ends without an element"},
		{"<!-- x -->", 10, "ends without an element"},
		{"x", 0, "expected an element, found x"},
		{`{"a":1}`, 0, "expected an element, found '{'"},
		{" <?xml version='1.0'?><R/>", 1, "only be at the very beginning"},
		{"<?XML version='1.0'?><R/>", 0, "only be at the very beginning"},
		{"<?xml?><R/>", 0, "only be at the very beginning"},
		{"<?xml encoding='UTF-8'?><R/>", 6, "expected version="},
		{"<?xml version='1.2'?><R/>", 15, `the XML version is "1.2"; expected 1.0 or 1.1`},
		{"<?xml version='1.0' encoding='ISO-8859-1'?><R/>", 30, `the encoding is "ISO-8859-1"; only UTF-8 is read`},
		{"<?xml version='1.0' standalone='maybe'?><R/>", 32, `expected yes or no`},
		{"<?xml version='1.0' x='1'?><R/>", 20, "expected ?> at the end of the XML declaration"},
		{"<?xml version=1.0?><R/>", 14, "in quotes"},
		{"<?xml version '1.0'?><R/>", 14, "expected = after version"},
		{"<?xml version='1.0", 18, "ends in the XML declaration"},
		{"\xfe\xff\x00<\x00R", 0, "UTF-16"},
		{"<\x00R\x00/\x00>\x00", 0, "UTF-16"},
		{"<!DOCTYPE R [<!ENTITY a 'b'>]><R>&a;</R>", 0, "a DOCTYPE, which could define entities, is not accepted"},
		{"<R><!DOCTYPE R></R>", 3, "a DOCTYPE"},
		{"<R><!ELEMENT a ANY></R>", 3, "expected <!-- or <![CDATA["},
		{"<R>&nbsp;</R>", 3, "the entity &nbsp; is not one of &lt; &gt; &amp; &quot; &apos;"},
		{"<R>a & b</R>", 5, "& without a name; write &amp;"},
		{"<R>&lt</R>", 3, "the entity &lt;"},
		{"<R>&#;</R>", 3, "expected the number of a character"},
		{"<R>&#x;</R>", 3, "expected the number of a character"},
		{"<R>&#12x;</R>", 3, "expected the number of a character"},
		{"<R>&#0;</R>", 3, "&#0; is no character of XML 1.0"},
		{"<R>&#1;</R>", 3, "&#1; is no character of XML 1.0"},
		{"<?xml version='1.1'?><R>&#0;</R>", 24, "&#0; is no character of XML 1.1"},
		{"<R>&#xD800;</R>", 3, "no character"},
		{"<R>&#xFFFF;</R>", 3, "no character"},
		{"<R>&#x110000;</R>", 3, "no character"},
		{"<R>&#99999999999999999999999;</R>", 3, "no character"},
		{"<R a='&x;'/>", 6, "the entity &x;"},
		{"<R>a\x01</R>", 4, "the control character 0x01"},
		{"<R a='\x00'/>", 6, "the control character 0x00"},
		{"<R><!-- \x02 --></R>", 8, "the control character 0x02"},
		{"<?xml version='1.1'?><R>\u0081</R>", 24, "write &#129;"},
		{"<?xml version='1.1'?><R>\x7f</R>", 24, "write &#127;"},
		{"<R>\xff</R>", 3, "the byte 0xff is not UTF-8"},
		{"<R>a\xc3</R>", 4, "the byte 0xc3 is not UTF-8"},
		{"<R>\xed\xa0\x80</R>", 3, "not UTF-8"},
		{"<R>\uffff</R>", 3, "U+FFFF is no character of XML"},
		{"<R><![CDATA[\xff]]></R>", 12, "the byte 0xff is not UTF-8"},
		{"<R", 2, "ends in the tag <R at byte 0"},
		{"<R>", 3, "ends before </R>"},
		{"<R>text", 7, "ends before </R>"},
		{"<R></Q>", 3, "expected </R>, found </Q"},
		{"<R></RR>", 3, "expected </R>, found </RR"},
		{"<R></R x>", 7, "expected > after </R, found x"},
		{"<R></R", 6, "expected > after </R, found the end of the value"},
		{"<a><b></a></b>", 6, "expected </b>, found </a"},
		{"<R/><R/>", 4, "a second root element"},
		{"<R/>x", 4, "expected the end of the value after the root element, found x"},
		{"<R/></R>", 4, "expected the end of the value after the root element, found </R"},
		{"<![CDATA[x]]><R/>", 0, "outside of the root element"},
		{"< R/>", 1, "expected the name of an element after <, found ' '"},
		{"<1/>", 1, "expected the name of an element after <"},
		{"<R a/>", 4, "expected = after the attribute a, found '/'"},
		{"<R a=1/>", 5, "expected the value of the attribute a in quotes"},
		{"<R a='1'b='2'/>", 8, "expected white space, > or />"},
		{"<R a='<'/>", 6, "write &lt;"},
		{"<R a='", 6, "ends in an attribute that begins at byte 5"},
		{"<R a='1' b='2' a='3'/>", 15, "a second attribute a"},
		{"<R a='' b='' c='' d='' e='' f='' g='' h='' i='' j='' k='' l='' m='' c=''/>", 68, "a second attribute c"},
		{"<R !/>", 3, "expected an attribute, > or />, found '!'"},
		{"<R>]]></R>", 3, "]]> in text"},
		{"<R><!-- a -- b --></R>", 10, "-- in a comment"},
		{"<R><!-- a --->x</R>", 10, "-- in a comment"},
		{"<R><!-- a </R>", 14, "ends in a comment that begins at byte 3"},
		{"<R><![CDATA[a]]</R>", 19, "ends in a CDATA section that begins at byte 3"},
		{"<R><?p </R>", 11, "ends in a processing instruction that begins at byte 3"},
		{"<R><? p?></R>", 3, "expected the name of a processing instruction"},
		{"<R><?p+?></R>", 6, "expected white space or ?>"},
		{strings.Repeat("<a>", MaxDepth+1), 3 * MaxDepth, "more than 256 elements in each other"},
		{"<R>" + strings.Repeat("<a/>", MaxNodes) + "</R>", 3 + 4*(MaxNodes-1) + 1, "more than 1048576 elements"},
		{"<R>" + strings.Repeat(" ", MaxSize), MaxSize, "at most 16777216 are read"},
	} {
		var e *Error
		switch got, err := xmlJSON(t, tt.value); {
		case !errors.As(err, &e):
			t.Errorf("%.80q: %s, %v; want %s", tt.value, got, err, tt.want)
		case e.Offset != tt.offset || !strings.Contains(e.Reason, tt.want):
			t.Errorf("%.80q: %v; want at byte %d: %s", tt.value, err, tt.offset, tt.want)
		}
	}
}

// A value has no trace in what follows.
func TestXMLReuse(t *testing.T) {
	x, err := NewXML(nil)
	if err != nil {
		t.Fatal(err)
	}
	big := "<R>" + strings.Repeat("<a/>", 2*keepNodes) + "</R>"
	for _, value := range []string{`<?xml version="1.1"?><R><b>1</b><b>2</b></R>`, `<R><b`, big, `<R a="1" a="1"/>`} {
		_, _ = x.AppendJSON(nil, []byte(value))
		if cap(x.nodes) > keepNodes {
			t.Errorf("%.30s: %d nodes are kept", value, cap(x.nodes))
		}
		if got, err := x.AppendJSON(nil, []byte("<R><b>3\u0085</b></R>")); err != nil || string(got) != "{\"b\":\"3\u0085\"}" {
			t.Errorf("after %.30s: %s, %v", value, got, err)
		}
	}
}

func TestXMLAllocations(t *testing.T) {
	x, err := NewXML([]string{"line", "addr.line"})
	if err != nil {
		t.Fatal(err)
	}
	value := []byte(`<?xml version="1.0"?><R id="1" k="&lt;"><addr>&amp;</addr><line>a</line><b/><line>b</line><c/><d/><e/><f/><g/><h/><i/><j/><k/><l/><m/><n/><c/></R>`)
	var dst []byte
	if n := testing.AllocsPerRun(100, func() {
		if dst, err = x.AppendJSON(dst[:0], value); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

var legacy = `<?xml version='1.1' encoding='UTF-8'?><Struct><account_created>2015-03-20</account_created><addr><city>Anytown</city><state>CA</state><street>123 Main St</street><zip>90210</zip></addr><cust_id>7307</cust_id><dob>1980-01-15</dob><fname>John</fname><legacy_segment>A</legacy_segment><lname>Doe</lname><phone>555-123-4567</phone></Struct>`

func BenchmarkXML(b *testing.B) {
	order := `<order id="7" currency="EUR"><customer><name>Anna &amp; Söhne</name></customer>` + "\n" + strings.Repeat(`  <line sku="a1"><quantity>2</quantity><price>19.90</price></line>`+"\n", 50) + `</order>`
	for name, value := range map[string]string{"customer": legacy, "order": order, "text": "<R><a>" + strings.Repeat("A text without anything in it that would be special. ", 200) + "</a></R>"} {
		b.Run(name, func(b *testing.B) {
			x, err := NewXML(nil)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(value)))
			b.ReportAllocs()
			in, out := []byte(value), []byte(nil)
			for b.Loop() {
				if out, err = x.AppendJSON(out[:0], in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
