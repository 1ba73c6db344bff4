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
	if m, ok := parsePlainMoney(number); ok {
		return m, true, nil
	}
	d, ok := parseDecimal(number)
	if !ok {
		return 0, false, errMoney
	}
	return d.money()
}

// parsePlainMoney reads digits with at most six decimals, the common case,
// without going through a float.
func parsePlainMoney(number []byte) (m Money, ok bool) {
	i, negative := 0, false
	if len(number) > 0 && number[0] == '-' {
		i, negative = 1, true
	}
	start, decimals := i, -1
	for ; i < len(number); i++ {
		c := number[i]
		switch {
		case c >= '0' && c <= '9':
			if decimals >= 0 {
				decimals++
			}
			if m = m*10 + Money(c-'0'); m > MaxMoney {
				return 0, false
			}
		case c == '.' && decimals < 0 && i > start:
			decimals = 0
		default:
			return 0, false
		}
	}
	if i == start || decimals == 0 || decimals > 6 {
		return 0, false
	}
	for d := max(decimals, 0); d < 6; d++ {
		if m *= 10; m > MaxMoney {
			return 0, false
		}
	}
	if negative {
		m = -m
	}
	return m, true
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
