// Numbers, amounts and times as people read them.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const cents = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });

export const count = (n) => whole.format(n);
export const rate = (n) => (n < 10 ? one : whole).format(n);
export const money = (n) => cents.format(n);
export const compact = (n) => (n < 10000 ? whole : short).format(n);
export const signed = (n) => (n > 0 ? "+" : n < 0 ? "−" : "±") + whole.format(Math.abs(n));
export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

let utc = false;
let clock, day, minute;

export function setUTC(on) {
  utc = on;
  const zone = utc ? { timeZone: "UTC" } : {};
  clock = new Intl.DateTimeFormat("en-GB", { ...zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
  minute = new Intl.DateTimeFormat("en-GB", { ...zone, hour: "2-digit", minute: "2-digit" });
  day = new Intl.DateTimeFormat("en-CA", { ...zone, year: "numeric", month: "2-digit", day: "2-digit" });
}
setUTC(false);

export const isUTC = () => utc;

// time is the time of day, with the date if that is not today's.
export function time(ms) {
  if (!ms) return "–";
  const at = new Date(ms);
  const date = day.format(at);
  return (date === day.format(new Date()) ? "" : date + " ") + clock.format(at) + (utc ? "Z" : "");
}

export const hhmm = (ms) => minute.format(new Date(ms)) + (utc ? "Z" : "");

// age is how long ago something was, in its two largest units.
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
