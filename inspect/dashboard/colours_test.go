package dashboard

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// rgb is a colour of sRGB, each part from 0 to 1.
type rgb [3]float64

func hexColour(t *testing.T, s string) rgb {
	t.Helper()
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil || len(s) != 6 {
		t.Fatalf("%q is no colour", s)
	}
	return rgb{float64(n>>16) / 255, float64(n>>8&255) / 255, float64(n&255) / 255}
}

// palette holds the stylesheet's light and dark colours by name.
type palette map[string][2]rgb

var modes = [2]string{"light", "dark"}

func readPalette(t *testing.T, css string) palette {
	t.Helper()
	all := palette{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\);`).FindAllStringSubmatch(css, -1) {
		all[m[1]] = [2]rgb{hexColour(t, m[2]), hexColour(t, m[3])}
	}
	if len(all) < 15 {
		t.Fatalf("%d colours were found in the stylesheet", len(all))
	}
	return all
}

// numberIn returns the number that a pattern finds in the stylesheet.
func numberIn(t *testing.T, css, pattern string) float64 {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(css)
	if m == nil {
		t.Fatalf("the stylesheet has no match for %s", pattern)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func stylesheet(t *testing.T) string {
	t.Helper()
	css, err := files.ReadFile("web/style.css")
	if err != nil {
		t.Fatal(err)
	}
	return string(css)
}

// linear converts from sRGB to linear RGB.
func (c rgb) linear() rgb {
	for i, v := range c {
		if v <= 0.04045 {
			c[i] = v / 12.92
		} else {
			c[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return c
}

// luminance returns the relative luminance of WCAG 2.
func (c rgb) luminance() float64 {
	l := c.linear()
	return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2]
}

// contrast returns the contrast ratio of WCAG 2, 1 to 21.
func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// over returns the colour blended over another with an opacity.
func (c rgb) over(below rgb, opacity float64) rgb {
	for i := range c {
		c[i] = opacity*c[i] + (1-opacity)*below[i]
	}
	return c
}

// grey applies the filter grayscale(1).
func (c rgb) grey() rgb {
	g := 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2]
	return rgb{g, g, g}
}

// Contrasts meet WCAG 2.2 AA: 4.5 to 1 for text (1.4.3), 3 to 1 for graphics and the
// edges of controls (1.4.11).
func TestContrast(t *testing.T) {
	css := stylesheet(t)
	colours := readPalette(t, css)
	const text, drawn = 4.5, 3.0
	for _, pair := range []struct {
		front, back string
		least       float64
	}{
		{"text", "page", text}, {"text", "panel", text}, {"text", "hover", text},
		{"muted", "page", text}, {"muted", "panel", text}, {"muted", "hover", text},
		{"accent", "page", text}, {"accent", "panel", text},
		{"out", "panel", text}, {"critical", "panel", text}, {"low", "panel", text}, {"ok", "panel", text}, {"unknown", "panel", text},
		{"out", "hover", text}, {"critical", "hover", text}, {"low", "hover", text}, {"ok", "hover", text}, {"unknown", "hover", text},
		{"out", "page", text}, {"critical", "page", text}, {"low", "page", text}, {"ok", "page", text}, {"unknown", "page", text},
		{"critical", "critical-bg", text},
		{"out", "track", drawn}, {"critical", "track", drawn}, {"low", "track", drawn}, {"ok", "track", drawn},
		{"text", "track", drawn}, // the marks of the thresholds
		{"edge", "panel", drawn}, {"edge", "page", drawn},
	} {
		for mode, name := range modes {
			front, ok := colours[pair.front]
			back, has := colours[pair.back]
			if !ok || !has {
				t.Fatalf("the stylesheet has no %s or no %s", pair.front, pair.back)
			}
			if got := contrast(front[mode], back[mode]); got < pair.least {
				t.Errorf("%s on %s, %s: %.2f to 1, want %.1f", pair.front, pair.back, name, got, pair.least)
			}
		}
	}
	now := numberIn(t, css, `\.plot rect\.now \{ opacity: ([.0-9]+);`)
	stale := numberIn(t, css, `\[data-stale\] main \{[^}]*opacity: ([.0-9]+);`)
	for mode, name := range modes {
		panel, page := colours["panel"][mode], colours["page"][mode]
		if got := contrast(colours["accent"][mode].over(panel, now), panel); got < drawn {
			t.Errorf("the bar of the current minute, %s: %.2f to 1", name, got)
		}
		for _, front := range []string{"text", "muted", "out", "critical", "low", "ok"} {
			a, b := colours[front][mode].grey().over(page, stale), panel.grey().over(page, stale)
			if got := contrast(a, b); got < text {
				t.Errorf("%s when stale, %s: %.2f to 1", front, name, got)
			}
		}
	}
}

// colourBlindness simulates colour vision deficiencies on linear sRGB: Machado,
// Oliveira and Fernandes, 2009, at full severity.
var colourBlindness = map[string][3]rgb{
	"protanopia":   {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"deuteranopia": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	"tritanopia":   {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
	"none":         {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
}

func (c rgb) seenWith(blindness [3]rgb) rgb {
	l := c.linear()
	var seen rgb
	for i, row := range blindness {
		seen[i] = max(0, min(1, row[0]*l[0]+row[1]*l[1]+row[2]*l[2]))
	}
	return seen
}

// lab converts a linear colour to CIELAB for D65.
func (c rgb) lab() [3]float64 {
	x := (0.4124*c[0] + 0.3576*c[1] + 0.1805*c[2]) / 0.9505
	y := 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2]
	z := (0.0193*c[0] + 0.1192*c[1] + 0.9505*c[2]) / 1.089
	f := func(v float64) float64 {
		if v > 0.008856 {
			return math.Cbrt(v)
		}
		return 7.787*v + 16.0/116
	}
	return [3]float64{116*f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))}
}

// All states are distinguishable with any colour vision: a difference of 2.3 is just
// noticeable, 15 obvious.
func TestStatesForTheColourBlind(t *testing.T) {
	colours := readPalette(t, stylesheet(t))
	states := []string{"out", "critical", "low", "ok"}
	for blindness, matrix := range colourBlindness {
		for mode, name := range modes {
			least, pair := math.Inf(1), ""
			for i, a := range states {
				for _, b := range states[i+1:] {
					x, y := colours[a][mode].seenWith(matrix).lab(), colours[b][mode].seenWith(matrix).lab()
					d := math.Sqrt((x[0]-y[0])*(x[0]-y[0]) + (x[1]-y[1])*(x[1]-y[1]) + (x[2]-y[2])*(x[2]-y[2]))
					if d < least {
						least, pair = d, a+" and "+b
					}
				}
			}
			t.Logf("%s, %s: the closest are %s, %.1f apart", blindness, name, pair, least)
			if least < 15 {
				t.Errorf("%s, %s: %s are %.1f apart, want 15", blindness, name, pair, least)
			}
		}
	}
}

// Each state has its own glyph, the same on the page and in the terminal.
func TestStatesHaveGlyphs(t *testing.T) {
	css := stylesheet(t)
	for s := range severities {
		pattern := fmt.Sprintf(`\[data-s="%s"\] \{ --c: var\(--%[1]s\); --glyph: "([^"]+)"; \}`, s)
		m := regexp.MustCompile(pattern).FindStringSubmatch(css)
		if m == nil || m[1] != glyphs[s] {
			t.Errorf("%s: the page's glyph is %q, the terminal's %q", s, m, glyphs[s])
		}
	}
	if sorted := slices.Sorted(slices.Values(glyphs[:])); len(slices.Compact(sorted)) != int(severities) {
		t.Errorf("two states have the same glyph: %v", glyphs)
	}
}
