package main

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// traced is the orders of one case.
type traced struct {
	name string
	rate int
	ways []journey
}

// spent returns the milliseconds before a point, since the last one that the order passed.
// A stage tells of points that it passes at once in any order.
func (w *journey) spent(p point) float64 {
	before := w[pointSent]
	for _, at := range w[:p] {
		if at.After(before) {
			before = at
		}
	}
	return float64(max(0, w[p].Sub(before))) / float64(time.Millisecond)
}

func (w *journey) took() float64 {
	return float64(w[pointVisible].Sub(w[pointSent])) / float64(time.Millisecond)
}

// total returns a quantile of the whole way, in ms.
func (t *traced) total(q float64) float64 {
	return quantile(t.ways, q, func(w *journey) float64 { return w.took() })
}

func quantile(ways []journey, q float64, of func(w *journey) float64) float64 {
	if len(ways) == 0 {
		return 0
	}
	values := make([]float64, len(ways))
	for i := range ways {
		values[i] = of(&ways[i])
	}
	slices.Sort(values)
	return values[int(q*float64(len(values)-1))]
}

// mean returns the mean time before a point of the orders that took between two quantiles
// of the whole.
func (t *traced) mean(p point, from, to float64) float64 {
	low, high := t.total(from), t.total(to)
	sum, n := 0.0, 0
	for i := range t.ways {
		if took := t.ways[i].took(); took >= low && took <= high {
			sum, n = sum+t.ways[i].spent(p), n+1
		}
	}
	return sum / float64(max(n, 1))
}

// The orders of which means are told: those about the median, and the slowest.
var bands = []struct {
	name     string
	from, to float64
}{{"about the median", 0.45, 0.55}, {"slowest 2 %", 0.98, 1}}

// reportTrace prints the mean time before each point.
func reportTrace(cases []*traced) {
	for _, band := range bands {
		fmt.Printf("\n### Trace: ms until each point, orders %s\n\n", band.name)
		columns := []string{""}
		for _, c := range cases {
			columns = append(columns, fmt.Sprintf("%s, %d/s", c.name, c.rate))
		}
		head(columns...)
		for p := pointAppended; p < points; p++ {
			fmt.Printf("| %s |", pointNames[p])
			for _, c := range cases {
				fmt.Printf(" %.1f |", c.mean(p, band.from, band.to))
			}
			fmt.Println()
		}
		fmt.Print("| all |")
		for _, c := range cases {
			sum := 0.0
			for p := pointAppended; p < points; p++ {
				sum += c.mean(p, band.from, band.to)
			}
			fmt.Printf(" %.1f |", sum)
		}
		fmt.Println()
	}
	fmt.Println()
	for _, c := range cases {
		fmt.Printf("- %s at %d/s: %d orders, p50 %.1f, p95 %.1f, p99 %.1f, max %.1f ms\n", c.name, c.rate, len(c.ways), c.total(0.5), c.total(0.95), c.total(0.99), c.total(1))
	}
}

// Sizes of the picture, in pixels.
const (
	svgWidth  = 1000
	svgLabel  = 190
	svgBar    = 22
	svgLegend = 20
)

// svgColours are those of the points, by what the time goes into: waiting for fetches,
// deciding, records, offsets, ends.
var svgColours = map[int]string{stageFetched: "#8fbcbb", stagePolled: "#5e81ac", stageDecided: "#a3be8c", stageProduced: "#ebcb8b", stageOffsets: "#d08770", stageEnded: "#bf616a"}

func colourOf(p point) string {
	switch {
	case p == pointAppended:
		return "#b48ead"
	case p == pointVisible:
		return "#616e88"
	case p >= pointLedger:
		return svgColours[int(p-pointLedger)]
	}
	return svgColours[int(p-pointIngest)]
}

// traceSVG draws the means as bars, one for each case and band.
func traceSVG(cases []*traced) []byte {
	var bars bytes.Buffer
	longest, y := 1.0, 30
	for _, c := range cases {
		longest = max(longest, c.total(1))
	}
	scale := (svgWidth - svgLabel - 60) / longest
	for _, band := range bands {
		fmt.Fprintf(&bars, `<text x="10" y="%d" font-weight="bold">Orders %s</text>`+"\n", y, band.name)
		y += 12
		for _, c := range cases {
			x, sum := float64(svgLabel), 0.0
			fmt.Fprintf(&bars, `<text x="10" y="%d">%s, %d/s</text>`+"\n", y+15, c.name, c.rate)
			for p := pointAppended; p < points; p++ {
				ms := c.mean(p, band.from, band.to)
				fmt.Fprintf(&bars, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"><title>%s: %.1f ms</title></rect>`+"\n", x, y, ms*scale, svgBar-4, colourOf(p), pointNames[p], ms)
				x, sum = x+ms*scale, sum+ms
			}
			fmt.Fprintf(&bars, `<text x="%.1f" y="%d">%.0f ms</text>`+"\n", x+6, y+14, sum)
			y += svgBar
		}
		y += 24
	}
	for i, p := range []point{pointAppended, pointIngest + stageFetched, pointIngest + stagePolled, pointIngest + stageDecided, pointIngest + stageProduced, pointIngest + stageOffsets, pointIngest + stageEnded, pointVisible} {
		name := []string{"order appended", "fetched", "polled", "decided, gathered", "records appended", "offsets", "end, markers", "update consumed"}[i]
		x := 10 + i%4*230
		at := y + i/4*svgLegend
		fmt.Fprintf(&bars, `<rect x="%d" y="%d" width="12" height="12" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n", x, at, colourOf(p), x+18, at+11, name)
	}
	height := y + 2*svgLegend + 10
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="where the milliseconds of an order go">`+"\n", svgWidth, height)
	out.WriteString(`<rect width="100%" height="100%" fill="#ffffff"/><g font-family="sans-serif" font-size="13" fill="#2e3440">` + "\n")
	out.Write(bars.Bytes())
	out.WriteString("</g></svg>\n")
	return out.Bytes()
}
