import type { TransferBytes } from '@ringbearer/io-uring-opcode';
import { type HeldBytes, HeldBytesError, type HeldMessage } from '../../sans-io/held-bytes.js';
import type { Gathering } from './gathering.js';

/** Memory with an owner: what operations take beside a caller's array. */
type KernelMemory = Exclude<TransferBytes, Uint8Array>;

/** Where the memory goes back to. */
export interface GatheredHome {
  /** Nobody has it. */
  giveGathering(gathering: Gathering): void;
  /** Nobody holds it, and an operation has it: it is asked again. */
  detain(gathered: Gathered): void;
}

/**
 * A message that was gathered, in the memory it was received into, for whoever holds it. Once it is given back neither its bytes nor its owner are to be had:
 * nothing that was kept of it reaches the next message. An operation of another ring may have it still then; it is used again after that.
 */
export class Gathered implements HeldBytes, KernelMemory {
  readonly #home: GatheredHome;
  readonly #gathering: Gathering;
  readonly #range: KernelMemory['unsafe'];
  readonly #owner: KernelMemory['owner'];
  #state: 'held' | 'detained' | 'over' = 'held';

  /** @param range exactly the message */
  constructor(home: GatheredHome, gathering: Gathering, range: KernelMemory['unsafe']) {
    this.#home = home;
    this.#gathering = gathering;
    this.#range = range;
    this.#owner = gathering.owner;
  }

  get byteLength(): number {
    return this.#range.bytes.length;
  }

  get owner(): KernelMemory['owner'] {
    // The operation that has it still has to give it back.
    if (this.#state !== 'held' && !this.busy) throw over();
    // One operation after the other: what the last one left may be read at any time.
    if (!this.busy) this.recycle();
    return this.#owner;
  }

  get unsafe(): KernelMemory['unsafe'] {
    if (this.#state !== 'held') throw over();
    return this.#range;
  }

  get bytes(): Uint8Array {
    const { bytes } = this.unsafe;
    this.#owner.assertReadable();
    return bytes;
  }

  get busy(): boolean {
    return this.#state !== 'over' && this.#owner.users > 0;
  }

  release(): void {
    if (this.#state !== 'held') return;
    this.#state = 'detained';
    if (!this.freed()) this.#home.detain(this);
  }

  move(): Gathered {
    if (this.#state !== 'held') throw over();
    this.#owner.assertReadable();
    this.#state = 'over';
    this.recycle();
    return new Gathered(this.#home, this.#gathering, this.#range);
  }

  /** An operation is through with it, and another may begin. */
  recycle(): void {
    if (!this.#owner.idle) this.#owner.reuse();
  }

  /** Of one that was detained: gives the memory back if no operation has it any more. Handlers get hold of this object, and may ask at any time. */
  freed(): boolean {
    if (this.#state === 'over') return true;
    if (this.#state === 'held' || this.busy) return false;
    this.#state = 'over';
    this.recycle();
    this.#home.giveGathering(this.#gathering);
    return true;
  }
}

/**
 * The body of a request as what operations take, in order: pieces of the ring's memory, and the rest as arrays. Nothing is copied. While an operation has a piece it
 * is the kernel's: the lease can be neither read nor released nor sent. Once the lease is released a piece can begin no operation.
 *
 * @param body a `BodyLease`
 * @throws HttpServerError `LEASE_RELEASED`; using a piece after that, {@link HeldBytesError}
 * @example
 * ```ts
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { kernelParts, serve } from '@ringbearer/http-server';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, OpenAt, OpenFlag, Write } from '@ringbearer/io-uring-opcode';
 *
 * const path = join(tmpdir(), `upload-${process.pid}`);
 * const bearer = UringBearer.withCapacity({ CoreQueue: 16 });
 * const server = await serve({
 *   port: 0,
 *   raw: async (request, reply) => {
 *     const body = await request.lease();
 *     const descriptor = await bearer.submit(new OpenAt({ path, flags: OpenFlag.WRONLY | OpenFlag.CREAT }));
 *     let position = 0;
 *     for (const data of kernelParts(body)) {
 *       for (let offset = 0; offset < data.byteLength; ) {
 *         const write = new Write({ descriptor, data, offset, position });
 *         const written = await bearer.submit(write);
 *         offset += written;
 *         position += written;
 *       }
 *     }
 *     await bearer.submit(new Close({ descriptor }));
 *     body.release();
 *     reply.text(`${position} bytes written`);
 *   },
 * });
 * const answer = await fetch(server.url, { method: 'PUT', body: 'x'.repeat(1_000_000) });
 * console.log(await answer.text()); // 1000000 bytes written
 * await server.close();
 * await bearer.close();
 * ```
 */
export function kernelParts(body: HeldMessage): readonly TransferBytes[] {
  return body.unsafe.map((part) => (part instanceof Gathered ? part : part.bytes));
}

function over(): HeldBytesError {
  return new HeldBytesError(
    'Cannot use a piece of a body whose lease was released, given to a reply, or whose exchange is over',
  );
}
