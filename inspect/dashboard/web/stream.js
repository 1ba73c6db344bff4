// The stream of server-sent events. It reconnects with growing, random pauses, and
// at once after silence, after sleep and when the network is back. It is closed
// while the page is hidden. A browser has only six connections to a host, so the
// server grants its tabs a few streams; the others ask for what is new each second.
// That needs no agreement between tabs, of which each may freeze or close.

import { recall, remember } from "./dom.js";
import { parse } from "./numbers.js";

const quietAfter = 4000; // ms without an event until the data counts as stale; one is due each second
const deadAfter = 20000; // ms without an event until it reconnects
const firstPause = 400;
const longestPause = 10000;

// browser returns the name that the tabs of this browser share, or null if they need
// none: over HTTP/2 and later, streams share a connection.
function browser() {
  if (/^h[23]/.test(performance.getEntriesByType("navigation")[0]?.nextHopProtocol)) return null;
  if (!recall("browser")) remember("browser", Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join(""));
  return recall("browser");
}

export class Stream {
  #source = null;
  #query = "";
  #last = "";
  #heard = Date.now();
  #ticked = Date.now();
  #pause = firstPause;
  #poll = 0; // ms until the next request, if the server grants no stream
  #timer = 0;
  #on;

  // on has frame(name, data), hello(data) and state(state, why); state is
  // "connecting", "live", "stale" or "hidden".
  constructor(on) {
    this.#on = on;
    document.addEventListener("visibilitychange", () => this.#visibility());
    addEventListener("online", () => this.reopen());
    addEventListener("pageshow", (e) => e.persisted && this.reopen());
    setInterval(() => this.#watch(), 1000);
  }

  // view requests another view. What both have in common is not sent again.
  view(query) {
    if (query === this.#query && this.#source) return;
    this.#query = query;
    this.reopen();
  }

  reopen() {
    clearTimeout(this.#timer);
    this.#close();
    if (document.hidden) return;
    const query = new URLSearchParams(this.#query);
    if (this.#last) query.set("last", this.#last);
    const name = browser();
    if (name) query.set("browser", name);
    const source = new EventSource("api/events?" + query);
    this.#source = source;
    this.#heard = Date.now();
    const listen = (name, use) =>
      source.addEventListener(name, (e) => {
        if (source !== this.#source) return;
        this.#heard = Date.now();
        this.#pause = firstPause;
        use(e);
      });
    const frame = (e) => {
      if (e.lastEventId) this.#last = e.lastEventId;
      this.#on.frame(e.type, parse(e.data));
      this.#on.state("live");
      if (!this.#poll) return;
      this.#close();
      this.#timer = setTimeout(() => this.reopen(), this.#poll);
    };
    listen("snapshot", frame);
    listen("delta", frame);
    listen("ping", () => {});
    listen("hello", (e) => {
      const hello = JSON.parse(e.data);
      this.#poll = hello.poll ?? 0;
      this.#on.hello(hello);
    });
    source.onerror = () => source === this.#source && this.#lost();
  }

  #close() {
    this.#source?.close();
    this.#source = null;
  }

  #lost() {
    this.#close();
    this.#on.state("stale", "connection lost; reconnecting");
    this.#askWhy();
    const pause = this.#pause * (0.5 + Math.random());
    this.#pause = Math.min(this.#pause * 2, longestPause);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.reopen(), pause);
  }

  // An EventSource hides why it was refused.
  async #askWhy() {
    const done = new AbortController();
    try {
      const answer = await fetch("api/events?limit=0", { signal: done.signal });
      if (!answer.ok) this.#on.state("stale", (await answer.json()).error);
    } catch {
      // no response either
    }
    done.abort();
  }

  #watch() {
    const now = Date.now();
    const slept = now - this.#ticked > 5000;
    this.#ticked = now;
    if (document.hidden || !this.#source) return;
    const silence = now - this.#heard;
    if (slept || silence > deadAfter) this.reopen();
    else if (silence > quietAfter) this.#on.state("stale", "the dashboard is not responding");
  }

  #visibility() {
    if (document.hidden) {
      clearTimeout(this.#timer);
      this.#close();
      this.#on.state("hidden");
    } else {
      this.#on.state("connecting");
      this.reopen();
    }
  }
}
