package event

import (
	"errors"
	"strconv"
)

// Money is an amount in millionths of the currency's unit, so that sums and
// comparisons are exact. It is written with two to six decimals.
type Money int64

// MoneyUnit is one unit of the currency; MaxMoney is the largest amount in a record.
const (
	MoneyUnit Money = 1_000_000
	MaxMoney  Money = 1_000_000_000_000 * MoneyUnit
)

var errMoney = errors.New("not a number from -10^12 to 10^12")

// ParseMoney reads a JSON number. Digits behind the sixth decimal are rounded
// half up: the reference system writes sums such as 743.8399999999999. An amount
// below 0 stays below 0.
func ParseMoney(number []byte) (Money, error) {
	m, _, err := parseMoney(number)
	return m, err
}

// parseMoney also reports whether nothing was rounded.
func parseMoney(number []byte) (m Money, exact bool, err error) {
	if m, exact, ok := parsePlainMoney(number); ok {
		return m, exact, nil
	}
	d, ok := parseDecimal(number)
	if !ok {
		return 0, false, errMoney
	}
	return d.money()
}

// parsePlainMoney reads digits with a point among them, and a sign if they have at most
// six decimals: the common cases, without going through decimal digits. With more, exact
// reports that nothing was rounded.
func parsePlainMoney(number []byte) (m Money, exact, ok bool) {
	i, negative := 0, false
	if len(number) > 0 && number[0] == '-' {
		i, negative = 1, true
	}
	start, decimals, up := i, -1, Money(0)
	exact = true
	for ; i < len(number); i++ {
		c := number[i]
		switch {
		case c >= '0' && c <= '9' && decimals < 6:
			if decimals >= 0 {
				decimals++
			}
			if m > MaxMoney/10 {
				return 0, false, false
			}
			if m = m*10 + Money(c-'0'); m > MaxMoney {
				return 0, false, false
			}
		case c >= '0' && c <= '9':
			if decimals++; decimals == 7 && c >= '5' {
				up = 1
			}
			exact = exact && c == '0'
		case c == '.' && decimals < 0 && i > start:
			decimals = 0
		default:
			return 0, false, false
		}
	}
	if i == start || decimals == 0 || !exact && (negative || m == MaxMoney) {
		return 0, false, false
	}
	for d := max(decimals, 0); d < 6; d++ {
		if m > MaxMoney/10 {
			return 0, false, false
		}
		m *= 10
	}
	if m += up; negative {
		m = -m
	}
	return m, exact, true
}

// AppendMoney appends m as a JSON number.
func AppendMoney(dst []byte, m Money) []byte {
	if m < 0 {
		dst, m = append(dst, '-'), -m
	}
	dst = strconv.AppendInt(dst, int64(m/MoneyUnit), 10)
	fraction := int64(m % MoneyUnit)
	dst = append(dst, '.', byte('0'+fraction/100_000), byte('0'+fraction/10_000%10))
	for rest, unit := fraction%10_000, int64(1000); rest > 0; unit /= 10 {
		dst = append(dst, byte('0'+rest/unit))
		rest %= unit
	}
	return dst
}

// String returns the amount as AppendMoney writes it.
func (m Money) String() string { return string(AppendMoney(nil, m)) }
