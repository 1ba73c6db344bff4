// Numbers, amounts and times for display.

import { Exact } from "./numbers.js";

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const cents = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });

export function count(n) {
  if (n >= 0 && n < 1000) return String(Math.round(n));
  if (n instanceof Exact) return whole.format(BigInt(String(n)));
  return Math.abs(n) > Number.MAX_SAFE_INTEGER ? "≈ " + short.format(n) : whole.format(n); // calculated, without meaningful last digits
}

export const rate = (n) => (n < 10 ? one : whole).format(n);
export const compact = (n) => (n < 10000 ? whole : short).format(n);
const absolute = (n) => (n instanceof Exact ? new Exact(String(n).replace("-", "")) : Math.abs(n));
export const signed = (n) => (n > 0 ? "+" : n < 0 ? "−" : "±") + count(absolute(n));

// Amounts have a currency if the dashboard was given one: records have none.
let amounts = { code: "", exact: cents, compact };

export function setCurrency(code = "") {
  if (code === amounts.code) return;
  const style = { style: "currency", currency: code };
  const round = new Intl.NumberFormat(undefined, { ...style, maximumFractionDigits: 0 });
  const few = new Intl.NumberFormat(undefined, { ...style, notation: "compact", maximumFractionDigits: 1 });
  amounts = code ? { code, exact: new Intl.NumberFormat(undefined, style), compact: (n) => (n < 10000 ? round : few).format(n) } : { code, exact: cents, compact };
}

export const money = (n) => amounts.exact.format(n);
export const compactMoney = (n) => amounts.compact(n);
export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

// Times are formatted by hand: Intl takes longer than the rest of a row.
let utc = false;

export const setUTC = (on) => (utc = on);
export const isUTC = () => utc;

const two = (n) => (n < 10 ? "0" + n : "" + n);
const suffix = () => (utc ? "Z" : "");
const day = (d) => (utc ? d.getUTCFullYear() * 10000 + d.getUTCMonth() * 100 + d.getUTCDate() : d.getFullYear() * 10000 + d.getMonth() * 100 + d.getDate());
const date = (d) => (utc ? `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}` : `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`);
const minutes = (d) => (utc ? `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}` : `${two(d.getHours())}:${two(d.getMinutes())}`);

// time returns the time of day, with the date if it is not today.
export function time(ms) {
  if (!ms) return "–";
  const at = new Date(ms);
  if (Number.isNaN(at.getTime())) return "–"; // beyond what is a date
  return (day(at) === day(new Date()) ? "" : date(at) + " ") + minutes(at) + ":" + two(at.getSeconds()) + suffix();
}

export const hhmm = (ms) => minutes(new Date(ms)) + suffix();

// age returns a duration in its two largest units.
export function age(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

export function duration(ms) {
  return ms < 1000 ? `${ms} ms` : ms < 60000 ? `${one.format(ms / 1000)} s` : age(ms);
}
