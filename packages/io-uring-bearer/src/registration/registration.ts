import type { Descriptor } from '@ringbearer/io-uring-fd';
import { bufferRingHead } from './buffer-ring-head.js';
import { type BusyPoll, changeBusyPollQueue, clearBusyPoll, setBusyPoll } from './busy-poll.js';
import { type EventfdOptions, registerEventfd, unregisterEventfd } from './eventfd.js';
import { Personality } from './personality.js';
import type { Registrar } from './registrar.js';
import { setWaitClock, type WaitClock } from './wait-clock.js';
import { clearWorkerCpus, setWorkerCpus } from './worker-cpus.js';
import { checkWorkerLimits, exchangeWorkerLimits, type WorkerLimits } from './worker-limits.js';

/**
 * What else the kernel can be told about one ring, with io_uring_register(2): `bearer.registration`. Every method is one system call,
 * made at once.
 *
 * They throw BearerError `BEARER_CLOSED`, RegistrationError where the kernel refuses, UnsupportedRegistrationError where it is too old,
 * RestrictedError where the bearer was made with restrictions, TypeError and RangeError for bad arguments.
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const { registration } = bearer;
 * registration.setWorkerLimits({ unbounded: 16 }); // at most 16 threads of the kernel for slow sockets and pipes
 * console.log(registration.workerLimits().unbounded); // 16
 * await bearer.close();
 * ```
 */
export class Registration {
  readonly #registrar: Registrar;
  readonly #personalities: Set<number>;

  /** @internal Only the bearer makes one. */
  constructor(registrar: Registrar, personalities: Set<number>) {
    this.#registrar = registrar;
    this.#personalities = personalities;
  }

  /**
   * The kernel adds 1 to an eventfd for completions, for whoever watches that in place of the ring. One for each ring.
   *
   * Kernel 5.2, `workersOnly` 5.6. io_uring_register_eventfd(3).
   *
   * @param eventfd of `openEventfd`, or another library's
   *
   * @example
   * ```ts
   * import { closeSync, readSync } from 'node:fs';
   * import { openEventfd, UringBearer } from '@ringbearer/io-uring-bearer';
   * import { Nop } from '@ringbearer/io-uring-opcode';
   *
   * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
   * const eventfd = openEventfd();
   * bearer.registration.registerEventfd(eventfd);
   * await bearer.submit(new Nop());
   * const count = new BigUint64Array(1);
   * readSync(eventfd.number, count);
   * console.log(count[0]); // 1n
   * bearer.registration.unregisterEventfd();
   * await bearer.close();
   * closeSync(eventfd.number);
   * ```
   */
  registerEventfd(eventfd: Descriptor, options: EventfdOptions = {}): void {
    registerEventfd(this.#registrar, eventfd, options);
  }

  /** Ends {@link registerEventfd}. The eventfd stays open. Kernel 5.2. io_uring_register_eventfd(3). */
  unregisterEventfd(): void {
    unregisterEventfd(this.#registrar);
  }

  /**
   * Keeps the credentials this thread has now: user, groups, capabilities. Operations submitted with the `flags` of the result run with
   * them, whatever the thread's credentials are by then. For servers that give up their privileges and still have to open what
   * only root may.
   *
   * Kernel 5.6. io_uring_register_personality(3).
   *
   * @example
   * ```ts
   * import { UringBearer } from '@ringbearer/io-uring-bearer';
   * import { Close, OpenAt } from '@ringbearer/io-uring-opcode';
   *
   * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
   * const personality = bearer.registration.registerPersonality();
   * // process.seteuid('nobody') here would not matter to the next line.
   * const descriptor = await bearer.submit(new OpenAt({ path: '/etc/hostname' }), { flags: personality.flags });
   * console.log(descriptor.number > 2); // true
   * personality.release();
   * await bearer.submit(new Close({ descriptor }));
   * await bearer.close();
   * ```
   */
  registerPersonality(): Personality {
    return new Personality(this.#registrar, this.#personalities);
  }

  /**
   * How many threads of the kernel may work for the rings of this thread. They are shared by all of these rings.
   *
   * Kernel 5.15. io_uring_register_iowq_max_workers(3).
   */
  workerLimits(): WorkerLimits {
    return exchangeWorkerLimits(this.#registrar, {});
  }

  /**
   * Changes {@link workerLimits}: one of them, or both.
   *
   * Kernel 5.15. io_uring_register_iowq_max_workers(3).
   *
   * @returns what they were
   */
  setWorkerLimits(limits: Partial<WorkerLimits>): WorkerLimits {
    return exchangeWorkerLimits(this.#registrar, checkWorkerLimits(limits));
  }

  /**
   * Confines the kernel's threads that work for the rings of this thread to some processors, by number: those that start from now on.
   * They are shared by all of these rings.
   *
   * Kernel 5.14. io_uring_register_iowq_aff(3).
   *
   * @throws RangeError for a processor that this process may not use
   */
  setWorkerCpus(cpus: readonly number[]): void {
    setWorkerCpus(this.#registrar, cpus);
  }

  /** Lets those that start from now on run anywhere again. Kernel 5.14. io_uring_unregister_iowq_aff(3). */
  clearWorkerCpus(): void {
    clearWorkerCpus(this.#registrar);
  }

  /**
   * Looks at network devices while waiting for completions, instead of sleeping until they interrupt: less latency for more CPU, with
   * devices that have NAPI (loopback has not). It happens while this thread waits in the ring: drivers `'owner'` and `'manual'`.
   *
   * Kernel 6.9, static tracking 6.13. io_uring_register_napi(3).
   *
   * @returns what was set before
   *
   * @example
   * ```ts
   * import { UringBearer } from '@ringbearer/io-uring-bearer';
   *
   * const bearer = UringBearer.withCapacity({ CoreQueue: 8 }, { driver: 'owner' });
   * try {
   *   bearer.registration.setBusyPoll({ microseconds: 50, prefer: true });
   *   console.log(bearer.registration.clearBusyPoll().microseconds); // 50
   * } catch (error) {
   *   console.log((error as Error).message); // the kernel is too old, or was built without it
   * }
   * await bearer.close();
   * ```
   */
  setBusyPoll(options: Partial<BusyPoll> & Pick<BusyPoll, 'microseconds'>): BusyPoll {
    return setBusyPoll(this.#registrar, options);
  }

  /** Ends {@link setBusyPoll}. Kernel 6.9. io_uring_unregister_napi(3). @returns what was set */
  clearBusyPoll(): Omit<BusyPoll, 'tracking'> {
    return clearBusyPoll(this.#registrar);
  }

  /**
   * Adds a queue of a device to look at, with static tracking.
   *
   * Kernel 6.13. io_uring_register(2), IO_URING_NAPI_STATIC_ADD_ID.
   *
   * @param napiId what SO_INCOMING_NAPI_ID of socket(7) says of a socket that received something
   */
  addBusyPollQueue(napiId: number): void {
    changeBusyPollQueue(this.#registrar, true, napiId);
  }

  /** Ends {@link addBusyPollQueue} for one queue. Kernel 6.13. io_uring_register(2), IO_URING_NAPI_STATIC_DEL_ID. */
  removeBusyPollQueue(napiId: number): void {
    changeBusyPollQueue(this.#registrar, false, napiId);
  }

  /**
   * Chooses the clock by which waits for completions end: `submitAndWait` and what the driver `'owner'` does. With `'boottime'` the time
   * counts that the machine slept. Timeout operations have a clock of their own. Default `'monotonic'`.
   *
   * Kernel 6.12. io_uring_register_clock(3).
   */
  setWaitClock(clock: WaitClock): void {
    setWaitClock(this.#registrar, clock);
  }

  /**
   * How far the kernel has taken buffers from a ring of `buffers.ring`: the position, of 16 bits, of the next one it takes. With the
   * positions it was given this says how many are left, whatever completions are still on their way.
   *
   * Kernel 6.8. io_uring_buf_ring_head(3).
   */
  bufferRingHead(group: number): number {
    return bufferRingHead(this.#registrar, group);
  }
}
