// Whole numbers beyond 2^53, which JavaScript does not count exactly. The server sends
// up to 2^63; amounts have at most 13 digits and cents.

// Exact is a Number, so that bars and charts can calculate with it roughly, but its
// text has all digits.
export class Exact extends Number {
  #digits;

  constructor(digits) {
    super(digits);
    this.#digits = digits;
  }

  toString() {
    return this.#digits;
  }
}

const anyLong = /\d{16}/;
const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

const tooLong = (token) => /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token));

// parse parses the server's JSON, whose objects have no key "#".
export function parse(json) {
  if (!anyLong.test(json)) return JSON.parse(json);
  const marked = json.replace(tokens, (token) => (token[0] !== '"' && tooLong(token) ? `{"#":"${token}"}` : token));
  return JSON.parse(marked, (_, value) => (value?.["#"] === undefined ? value : new Exact(value["#"])));
}

// sum adds whole numbers.
export function sum(numbers) {
  const total = numbers.reduce((n, m) => n + m, 0);
  if (Number.isSafeInteger(total)) return total;
  return new Exact(String(numbers.reduce((n, m) => n + BigInt(String(m)), 0n)));
}

// largest is Math.max with all digits.
export const largest = (numbers) => numbers.reduce((a, b) => (b > a ? b : a));
