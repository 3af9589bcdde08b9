import type { HeldBytes } from '../sans-io/held-bytes.js';
import { HttpServerError } from './errors.js';
import { parseJson } from './parse-json.js';

const decoder = new TextDecoder('utf-8');
/** Not what the target calls `set`: it would be shown the memory itself. */
const { set } = Uint8Array.prototype;

/**
 * The body of a request in the memory it was received into, without a copy and without an `ArrayBuffer`. It is read through copies, sent as it is
 * by `reply.lease(body)`, and given back by {@link release}: by the handler, or else when its exchange is over, which is when the reply is
 * complete or lost and the handler's promise has settled. Every use after that throws `LEASE_RELEASED`.
 *
 * On the io_uring runtime a body of 128 KiB or more is in memory of the ring, as long as there is some (64 MiB of it, in pieces of 1 MiB); everything else,
 * and every body on the other runtimes, is on the heap. Nothing but the speed tells one from the other.
 *
 * @example
 * ```ts
 * import { serve } from '@ringbearer/http-server';
 *
 * const server = await serve({
 *   port: 0,
 *   raw: async (request, reply) => {
 *     const body = await request.lease();
 *     if (body.length === 0) return reply.empty(204);
 *     reply.lease(body); // sent from where it was received, and given back then
 *   },
 * });
 * const echo = await fetch(server.url, { method: 'POST', body: 'x'.repeat(1_000_000) });
 * console.log((await echo.text()).length); // 1000000
 * await server.close();
 * ```
 */
export class BodyLease {
  readonly #length: number;
  /** Null: released. */
  #parts: readonly HeldBytes[] | null;

  /** Requests make leases. */
  constructor(parts: readonly HeldBytes[]) {
    this.#parts = parts;
    let length = 0;
    for (const part of parts) length += part.byteLength;
    this.#length = length;
  }

  /** Bytes of the body. */
  get length(): number {
    return this.#length;
  }

  /** False once released, or given to a reply. */
  get held(): boolean {
    return this.#parts !== null;
  }

  /**
   * Copies the bytes from `start` to `end` (exclusive) into `target`, from `targetOffset` on, and returns how many.
   *
   * @throws RangeError when they are not all within the body, or do not fit
   * @throws HttpServerError `LEASE_RELEASED`
   */
  copyTo(target: Uint8Array, targetOffset = 0, start = 0, end: number = this.#length): number {
    const parts = this.#held();
    assertOffset('start', start, 0, this.#length);
    assertOffset('end', end, start, this.#length);
    assertOffset('targetOffset', targetOffset, 0, target.length - (end - start));
    let at = 0;
    for (const part of parts) {
      const from = Math.max(start - at, 0);
      const to = Math.min(end - at, part.byteLength);
      if (from < to) {
        set.call(target, part.bytes.subarray(from, to), targetOffset + at + from - start);
      }
      at += part.byteLength;
    }
    return end - start;
  }

  /** A copy of the bytes that is the caller's for good. @throws HttpServerError `LEASE_RELEASED` */
  bytes(): Uint8Array {
    this.#held();
    // Not zeroed: nobody sees it before it is written to its end.
    const copy = new Uint8Array(Buffer.allocUnsafeSlow(this.#length).buffer);
    this.copyTo(copy);
    return copy;
  }

  /** The body decoded as UTF-8, without its byte order mark. @throws HttpServerError `LEASE_RELEASED` */
  text(): string {
    const parts = this.#held();
    return decoder.decode(parts.length === 1 ? parts[0]!.bytes : this.bytes());
  }

  /** The body parsed as JSON. @throws HttpServerError `LEASE_RELEASED`, `BODY_NOT_JSON` (400) */
  json(): unknown {
    return parseJson(this.text());
  }

  /**
   * Gives the memory back. Again: nothing happens.
   *
   * @throws HttpServerError `LEASE_BUSY` while an operation has it
   */
  release(): void {
    if (this.#parts === null) return;
    this.#idle();
    this.end();
  }

  /** As {@link release}. */
  [Symbol.dispose](): void {
    this.release();
  }

  /**
   * The memory itself, piece by piece: for `kernelParts`, which makes of it what operations take. No view of it may be kept: once given back, other requests
   * are received there.
   *
   * @throws HttpServerError `LEASE_RELEASED`
   */
  get unsafe(): readonly HeldBytes[] {
    return this.#held();
  }

  /** @internal The memory changes hands: what was asked of it before is void. @throws HttpServerError `LEASE_RELEASED`, `LEASE_BUSY` */
  move(): readonly HeldBytes[] {
    const parts = this.#idle();
    this.#parts = null;
    const moved: HeldBytes[] = [];
    try {
      for (const part of parts) moved.push(part.move());
    } catch (error) {
      // Somebody released a piece by itself: what there is of the others goes back.
      for (const part of [...moved, ...parts]) part.release();
      throw error;
    }
    return moved;
  }

  /** @internal The exchange is over: what an operation still has is given back after it. */
  end(): void {
    const parts = this.#parts;
    this.#parts = null;
    if (parts !== null) for (const part of parts) part.release();
  }

  #held(): readonly HeldBytes[] {
    if (this.#parts === null) {
      throw new HttpServerError(
        'LEASE_RELEASED',
        'Cannot use the lease of a body that was released, given to a reply, or whose exchange is over: copy what is needed for longer',
      );
    }
    return this.#parts;
  }

  #idle(): readonly HeldBytes[] {
    const parts = this.#held();
    for (const part of parts) {
      if (part.busy) {
        throw new HttpServerError(
          'LEASE_BUSY',
          'Cannot release or send the lease of a body while an operation has its memory: wait for its completion',
        );
      }
    }
    return parts;
  }
}

function assertOffset(name: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  if (typeof value !== 'number') {
    throw new TypeError(
      `Cannot copy a body as ${name} must be a number: current value is ${String(value)}`,
    );
  }
  throw new RangeError(
    `Cannot copy a body as ${name} must be an integer from ${least} to ${most}: current value is ${value}`,
  );
}
