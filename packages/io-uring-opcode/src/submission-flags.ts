import { SqeFlag } from './abi.generated.js';

/**
 * Flags any operation may be submitted with.
 *
 * - `DRAIN`: start only after everything submitted before has completed; what is submitted behind it starts only after its own
 *   completion. In a chain it goes on the first element. A bearer does the waiting itself, as the kernel's IOSQE_IO_DRAIN can
 *   stop a ring (docs/decisions/0012), and refuses it while a multishot operation is in flight, which would hold up everything
 * - `LINK`: the next submission starts after this one succeeded (IOSQE_IO_LINK)
 * - `HARD_LINK`: the next submission starts after this one, whatever its result (IOSQE_IO_HARDLINK)
 * - `ASYNC`: run in the kernel's worker pool from the start (IOSQE_ASYNC)
 * - `SKIP_SUCCESS`: do not report success. The bearer still receives the completion, as nothing else would say when
 *   the record and its memory are free, and does not deliver it
 * - `BACKGROUND`: does not keep the process alive, like an unref'd timer. The kernel never sees it
 *
 * IOSQE_FIXED_FILE and IOSQE_BUFFER_SELECT are not here: descriptors and buffer groups set them.
 *
 * @example
 * ```ts
 * import { SubmissionFlags } from '@ringbearer/io-uring-opcode';
 * const flags = SubmissionFlags.LINK | SubmissionFlags.ASYNC;
 * console.log(flags); // 20
 * ```
 */
export const SubmissionFlags = {
  NONE: 0,
  DRAIN: SqeFlag.IO_DRAIN,
  LINK: SqeFlag.IO_LINK,
  HARD_LINK: SqeFlag.IO_HARDLINK,
  ASYNC: SqeFlag.ASYNC,
  SKIP_SUCCESS: SqeFlag.CQE_SKIP_SUCCESS,
  /** Does not keep the process alive, like an unreferenced timer. The kernel never sees it. */
  BACKGROUND: 1 << 8, // beyond the byte the kernel has for flags
} as const;
