import type { HttpRequest } from '../../exchange/request.js';

type Pair = [name: string, value: string];

/**
 * The standard `Headers` of a received request, read from its bytes. Immutable, as the Fetch standard has it for requests a server was
 * sent; `new Headers(request.headers)` makes a mutable copy.
 */
export class RequestHeaders implements Iterable<Pair> {
  readonly #request: HttpRequest;
  #sorted: Pair[] | null = null;

  constructor(request: HttpRequest) {
    this.#request = request;
  }

  get(name: string): string | null {
    return this.#request.header(String(name)) ?? null;
  }

  has(name: string): boolean {
    return this.#request.header(String(name)) !== undefined;
  }

  getSetCookie(): string[] {
    const values: string[] = [];
    for (const [name, value] of this.#request) {
      if (name.toLowerCase() === 'set-cookie') values.push(value);
    }
    return values;
  }

  forEach(
    callback: (value: string, name: string, headers: Headers) => void,
    thisArg?: unknown,
  ): void {
    for (const [name, value] of this.#pairs()) {
      callback.call(thisArg, value, name, this as unknown as Headers);
    }
  }

  *entries(): IterableIterator<Pair> {
    for (const [name, value] of this.#pairs()) yield [name, value];
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this.#pairs()) yield name;
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this.#pairs()) yield value;
  }

  [Symbol.iterator](): IterableIterator<Pair> {
    return this.entries();
  }

  /** For `console.log`: that of Node looks for what only its own class has. */
  [Symbol.for('nodejs.util.inspect.custom')](
    _depth: number,
    options: object,
    inspect: (value: object, options: object) => string,
  ): string {
    return `Headers ${inspect(Object.fromEntries(this.#pairs()), options)}`;
  }

  append(): never {
    throw immutable('append to');
  }

  set(): never {
    throw immutable('set');
  }

  delete(): never {
    throw immutable('delete from');
  }

  /** Names in lower case, sorted, lines of one name combined (Fetch standard, "sort and combine"). */
  #pairs(): readonly Pair[] {
    if (this.#sorted !== null) return this.#sorted;
    const combined = new Map<string, string>();
    for (const [name] of this.#request) {
      const lower = name.toLowerCase();
      if (!combined.has(lower)) combined.set(lower, this.#request.header(lower) ?? '');
    }
    this.#sorted = [...combined].sort(([a], [b]) => (a < b ? -1 : 1));
    return this.#sorted;
  }
}

Object.setPrototypeOf(RequestHeaders.prototype, Headers.prototype);

function immutable(verb: string): TypeError {
  return new TypeError(`Cannot ${verb} request headers as they must not change: copy them first`);
}
