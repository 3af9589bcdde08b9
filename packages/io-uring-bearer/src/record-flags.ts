import { MARK_OPENS, SubmissionFlags } from '@ringbearer/io-uring-opcode';

// What is kept of a submission's flags beside its record, and three bits of the engine's own.

const { DRAIN, LINK, HARD_LINK, ASYNC, SKIP_SUCCESS, BACKGROUND } = SubmissionFlags;

/** Flags the kernel is told. */
export const KERNEL_FLAGS = LINK | HARD_LINK | ASYNC;
/** Flags a caller may give. */
export const KNOWN_FLAGS = KERNEL_FLAGS | DRAIN | SKIP_SUCCESS | BACKGROUND;
/** Where the personality of a submission is among its flags: the upper half, as in the entry. */
export const PERSONALITY = ~0xffff;
/** Flags that tie an entry to the next one. */
export const LINKS = LINK | HARD_LINK;
/** Completions with F_MORE open direct descriptors: the entry was marked so. */
export const OPENS = MARK_OPENS;
/** The bearer's own operation, which counts against no capacity and keeps no process alive. */
export const INTERNAL = 1 << 14;
/** The operation completed; a manual handler keeps its record. */
export const RETAINED = 1 << 15;
