// The stream of server-sent events, kept alive: it reconnects by itself with
// growing pauses and jitter, after silence, after sleep and when the network
// comes back, and it is closed while nobody looks.

const quietAfter = 4000; // ms without an event until what is shown counts as stale; one comes each second
const deadAfter = 20000; // ms without one until the connection is given up
const firstPause = 400;
const longestPause = 10000;

export class Stream {
  #source = null;
  #query = "";
  #last = "";
  #heard = Date.now();
  #ticked = Date.now();
  #pause = firstPause;
  #timer = 0;
  #on;

  // on has frame(name, data), hello(data) and state(state, detail); state is
  // "connecting", "live", "stale" or "hidden".
  constructor(on) {
    this.#on = on;
    document.addEventListener("visibilitychange", () => this.#visibility());
    addEventListener("online", () => this.reopen());
    addEventListener("pageshow", (e) => e.persisted && this.reopen());
    setInterval(() => this.#watch(), 1000);
  }

  // view asks for another view; what is the same in both is not sent again.
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
    const source = new EventSource("/api/events?" + query);
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
      this.#on.frame(e.type, JSON.parse(e.data));
      this.#on.state("live");
    };
    listen("snapshot", frame);
    listen("delta", frame);
    listen("ping", () => {});
    listen("hello", (e) => this.#on.hello(JSON.parse(e.data)));
    source.onerror = () => source === this.#source && this.#lost();
  }

  #close() {
    this.#source?.close();
    this.#source = null;
  }

  #lost() {
    this.#close();
    this.#on.state("stale", "The connection is lost; connecting again.");
    this.#ask();
    const pause = this.#pause * (0.5 + Math.random());
    this.#pause = Math.min(this.#pause * 2, longestPause);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.reopen(), pause);
  }

  // An EventSource does not say why it was refused.
  async #ask() {
    try {
      const answer = await fetch("/api/alerts?limit=0");
      if (answer.status === 401) this.#on.state("stale", "The token is not valid any more: open the address that inv dashboard printed.");
      if (answer.status === 503) this.#on.state("stale", "Too many pages are open on this dashboard; trying again.");
    } catch {
      // not there; the next try will tell
    }
  }

  #watch() {
    const now = Date.now();
    const slept = now - this.#ticked > 5000;
    this.#ticked = now;
    if (document.hidden || !this.#source) return;
    const silence = now - this.#heard;
    if (slept || silence > deadAfter) this.reopen();
    else if (silence > quietAfter) this.#on.state("stale", "The dashboard does not answer.");
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
