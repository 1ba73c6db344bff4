package producer

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"inv/internal/scenario"
	"inv/internal/suggest"

	"github.com/brianvoe/gofakeit/v7"
)

// presentYear is the year that functions of gofakeit which read the clock take for the
// present, so that they generate the same values whenever they run.
const presentYear = 2026

// fakeFunction finds a function of gofakeit and its parameters. id identifies both. The
// error is for one that doesn't exist, or whose values would not be the same in each run
// or would take too long.
func fakeFunction(s *scenario.Fake) (info *gofakeit.Info, params *gofakeit.MapParams, id string, err error) {
	name := s.Function.Text
	info = gofakeit.GetFuncLookup(name)
	if info == nil {
		names := slices.Sorted(maps.Keys(gofakeit.FuncLookups))
		return nil, nil, "", fmt.Errorf("gofakeit has no function %q%s", name, suggest.DidYouMean(strings.ToLower(name), names))
	}
	if why := unusable(name, info); why != "" {
		return nil, nil, "", fmt.Errorf("%s %s", name, why)
	}
	params = gofakeit.NewMapParams()
	id = name + "/" + strconv.Itoa(s.Pool)
	var known []string
	for _, p := range info.Params {
		known = append(known, p.Field)
	}
	given := map[string]bool{}
	for _, p := range s.Params {
		if !slices.Contains(known, p.Name.Text) {
			return nil, nil, "", fmt.Errorf("%s has no parameter %q%s", name, p.Name.Text, alternatives(p.Name.Text, known))
		}
		for _, v := range p.Value {
			params.Add(p.Name.Text, v)
		}
		given[p.Name.Text] = true
		id += "/" + p.Name.Text + "=" + strings.Join(p.Value, ",")
	}
	for _, p := range info.Params {
		if !given[p.Field] && !p.Optional && p.Default == "" {
			return nil, nil, "", fmt.Errorf("%s needs the parameter %q (%s)", name, p.Field, p.Description)
		}
	}
	if err := checkParams(name, s.Params); err != nil {
		return nil, nil, "", err
	}
	return withoutClock(name, info), params, id, nil
}

// unusable returns why a function can't be used, "" if it can.
func unusable(name string, info *gofakeit.Info) string {
	switch {
	case name == "pastdate":
		return "reads the clock, so a seed would not give the same records; use {time: {ago: [1h, 12h]}}"
	case name == "futuredate":
		return "reads the clock, so a seed would not give the same records; use {date: [FIRST, LAST]}"
	case name == "template":
		return "runs a program of its own, which may never end; use {text: …} with other fields"
	case strings.HasPrefix(info.ContentType, "image/") && info.Output == "[]byte":
		return "returns an image, which is not a plain value"
	case slices.ContainsFunc(info.Params, func(p gofakeit.Param) bool { return p.Type == "[]Field" }):
		return "builds a document of fields of its own; write them as fields of the scenario"
	}
	return ""
}

// withoutClock returns the function with the present that it would read from the clock.
func withoutClock(name string, info *gofakeit.Info) *gofakeit.Info {
	fixed := *info
	switch name {
	case "year":
		fixed.Generate = func(f *gofakeit.Faker, _ *gofakeit.MapParams, _ *gofakeit.Info) (any, error) {
			return f.Number(1900, presentYear), nil
		}
	case "date":
		fixed.Generate = fixedDate
	case "creditcardexp":
		fixed.Generate = func(f *gofakeit.Faker, _ *gofakeit.MapParams, _ *gofakeit.Info) (any, error) {
			month := f.Number(1, 12)
			return fmt.Sprintf("%02d/%d", month, f.Number(presentYear-2000+1, presentYear-2000+10)), nil
		}
	case "daterange":
		fixed.Generate = fixedDateRange
	case "firefoxuseragent":
		fixed.Generate = fixedAgent(info, func(f *gofakeit.Faker) int { return f.Number(1900, presentYear) })
	case "useragent":
		fixed.Generate = fixedAgent(info, func(f *gofakeit.Faker) int {
			f.Number(0, 4) // which browser
			return f.Number(1900, presentYear)
		})
	}
	return &fixed
}

// geckoDate matches the build date in the user agent of Firefox.
var geckoDate = regexp.MustCompile(`Gecko/\d{4}-`)

// fixedAgent is a function for user agents with the year of Firefox's build date
// replaced. year draws it where the function does.
func fixedAgent(info *gofakeit.Info, year func(*gofakeit.Faker) int) func(*gofakeit.Faker, *gofakeit.MapParams, *gofakeit.Info) (any, error) {
	return func(f *gofakeit.Faker, params *gofakeit.MapParams, _ *gofakeit.Info) (any, error) {
		source, ok := f.Rand.(*rand.PCG)
		if !ok {
			return nil, errors.New("needs a source of random numbers that can be copied")
		}
		same := *source
		agent, err := info.Generate(f, params, info)
		if err != nil {
			return nil, err
		}
		return geckoDate.ReplaceAllString(fmt.Sprint(agent), fmt.Sprintf("Gecko/%d-", year(gofakeit.NewFaker(&same, false)))), nil
	}
}

// fixedDateRange is gofakeit's daterange, which takes today for the end by default, and
// its random numbers from a source that is not the faker's.
func fixedDateRange(f *gofakeit.Faker, params *gofakeit.MapParams, info *gofakeit.Info) (any, error) {
	format, err := info.GetString(params, "format")
	if err != nil {
		return nil, err
	}
	layout := layoutOf(format)
	limits := [2]time.Time{time.Unix(0, 0), time.Date(presentYear, 1, 1, 0, 0, 0, 0, time.UTC)}
	for i, name := range []string{"startdate", "enddate"} {
		if text := (*params)[name]; len(text) > 0 {
			if limits[i], err = time.Parse(layout, text[0]); err != nil {
				return nil, err
			}
		}
		if year := limits[i].Year(); year < 1678 || year > 2261 {
			return nil, fmt.Errorf("%s must be in the years 1678 to 2261", name)
		}
	}
	nanoseconds := f.Number(int(limits[0].UnixNano()), int(limits[1].UnixNano()))
	return time.Unix(0, int64(nanoseconds)).UTC().Format(layout), nil
}

// fixedDate is gofakeit's date, with years up to the fixed present.
func fixedDate(f *gofakeit.Faker, params *gofakeit.MapParams, info *gofakeit.Info) (any, error) {
	format, err := info.GetString(params, "format")
	if err != nil {
		return nil, err
	}
	layouts := map[string]string{"ANSIC": time.ANSIC, "UnixDate": time.UnixDate, "RubyDate": time.RubyDate, "RFC822": time.RFC822,
		"RFC822Z": time.RFC822Z, "RFC850": time.RFC850, "RFC1123": time.RFC1123, "RFC1123Z": time.RFC1123Z,
		"RFC3339": time.RFC3339, "RFC3339Nano": time.RFC3339Nano, "": time.RFC3339}
	layout, known := layouts[format]
	if !known {
		layout = layoutOf(format)
	}
	year := f.Number(1900, presentYear)
	month, day, hour, minute, second, nanosecond := f.Month(), f.Day(), f.Hour(), f.Minute(), f.Second(), f.NanoSecond()
	return time.Date(year, time.Month(month), day, hour, minute, second, nanosecond, time.UTC).Format(layout), nil
}

// layoutOf returns the Go layout of a format in Java's letters, as gofakeit reads them: it
// is in the error for a text that is no date.
func layoutOf(format string) string {
	dates := gofakeit.GetFuncLookup("daterange")
	params := gofakeit.MapParams{"format": {format}, "startdate": {"\x00"}}
	_, err := dates.Generate(gofakeit.New(1), &params, dates)
	var wrong *time.ParseError
	if errors.As(err, &wrong) {
		return wrong.Layout
	}
	return format
}

// maxRepeats bounds the parameters of a function that say how much it generates.
const maxRepeats = 1000

// repeats reports whether a parameter says how much a function generates.
func repeats(param string) bool {
	switch param {
	case "count", "length", "words", "wordcount", "sentencecount", "paragraphcount", "rowcount", "numdice", "bitSize":
		return true
	}
	return false
}

// checkParams returns what is wrong with parameters that gofakeit would take, but with
// values that never end or differ from run to run.
func checkParams(name string, params []scenario.Param) error {
	total := 1
	for _, p := range params {
		text := strings.Join(p.Value, "")
		if n, err := strconv.Atoi(text); repeats(p.Name.Text) && (err != nil || n < 0 || n > maxRepeats/total) {
			return fmt.Errorf("%s: %s is a whole number up to %d, together with other counts, not %s", name, p.Name.Text, maxRepeats, text)
		} else if repeats(p.Name.Text) {
			total *= max(n, 1)
		}
		var err error
		switch name {
		case "regex":
			err = checkRegex(text)
		case "generate":
			err = checkPlaceholders(text)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// placeholder matches the functions in a text for gofakeit's generate.
var placeholder = regexp.MustCompile(`\{([^{}:]*)(:?)`)

// checkPlaceholders checks the functions in such a text.
func checkPlaceholders(text string) error {
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		name := m[1]
		info := gofakeit.GetFuncLookup(name)
		switch {
		case info == nil: // it stays as it is
			continue
		case unusable(name, info) != "":
			return fmt.Errorf("%s %s", name, unusable(name, info))
		case slices.Contains([]string{"year", "date", "daterange", "creditcardexp", "firefoxuseragent", "useragent"}, name):
			return fmt.Errorf("%s reads the clock, so a seed would not give the same records; write {text: …} with a field {fake: %s}", name, name)
		case name == "generate" || name == "regex" || m[2] != "" && slices.ContainsFunc(info.Params, func(p gofakeit.Param) bool { return repeats(p.Field) }):
			return fmt.Errorf("%s with parameters can't be used in a text; write {text: …} with a field {fake: %s}", name, name)
		}
	}
	return nil
}

// checkRegex checks a regular expression that is to be matched. gofakeit returns an
// address in memory instead of a text of more than a hundred times its length.
func checkRegex(text string) error {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return err
	}
	if most := longestMatch(re, 100*len(text)); most >= 100*len(text) {
		return fmt.Errorf("%q may need a text of %d characters or more; repeat less", text, 100*len(text))
	}
	return impossible(re)
}

// longestMatch returns how many bytes gofakeit generates at most for an expression, or
// how often it repeats one without any; limit if that is as much or more.
func longestMatch(re *syntax.Regexp, limit int) int {
	sum := 0
	for _, sub := range re.Sub {
		n := longestMatch(sub, limit)
		if re.Op == syntax.OpAlternate {
			sum = max(sum, n)
		} else {
			sum += n
		}
	}
	switch re.Op {
	case syntax.OpStar, syntax.OpPlus:
		sum = 10 * max(sum, 1)
	case syntax.OpRepeat:
		sum = max(re.Min, min(re.Max, 10)) * max(sum, 1)
	case syntax.OpLiteral:
		sum = len(string(re.Rune))
	case syntax.OpCharClass:
		if sum = 1; len(re.Rune) > 0 && re.Rune[len(re.Rune)-1] != utf8.MaxRune {
			sum = utf8.RuneLen(re.Rune[len(re.Rune)-1])
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		sum = 1
	}
	return min(limit, sum)
}

// impossible returns an error for an expression with a class of characters none of which
// gofakeit has.
func impossible(re *syntax.Regexp) error {
	if re.Op == syntax.OpNoMatch || re.Op == syntax.OpCharClass && len(re.Rune) == 0 {
		return errors.New("nothing matches the expression")
	}
	if last := len(re.Rune) - 1; re.Op == syntax.OpCharClass && re.Rune[last] == utf8.MaxRune {
		has := false
		for c := ' '; c <= '~'; c++ {
			for i := 0; i < last; i += 2 {
				has = has || c >= re.Rune[i] && c <= re.Rune[i+1] && !strings.ContainsRune("\"'/[\\]^`~", c)
			}
		}
		if !has {
			return fmt.Errorf("only characters beyond ASCII match %s, and gofakeit has none of them", re)
		}
	}
	for _, sub := range re.Sub {
		if err := impossible(sub); err != nil {
			return err
		}
	}
	return nil
}
