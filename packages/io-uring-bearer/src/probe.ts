import { release } from 'node:os';
import { Feature, OpNumber } from '@ringbearer/io-uring-opcode';
import type { RawRing } from '@ringbearer/native/ring';
import { RESTRICTED } from './errors.js';
import { type KernelQuery, queryKernel } from './registration/kernel-query.js';
import type { RestrictionSet } from './registration/restrictions.js';
import { type DriverKind, setupFlagNames } from './ring/setup.js';

/** What the running kernel supports. */
export interface Probe {
  /** Kernel release, as uname(2) says. */
  readonly kernel: string;
  /** One byte per opcode number: 1 where it is supported, 2 where the kernel has it and restrictions take it away. */
  readonly supported: Uint8Array;
  /** Supported opcodes by name. */
  readonly opcodes: readonly string[];
  /** IORING_FEAT_* by name. */
  readonly features: readonly string[];
  /** Whether an opcode, by number or name (`'SEND_ZC'`), is supported. */
  has(opcode: number | string): boolean;
}

/** What one bearer was granted. */
export interface Capabilities {
  /** Release of the running kernel. */
  readonly kernel: string;
  /** Driver that was granted. */
  readonly driver: DriverKind;
  /** Setup flags granted, by name without IORING_SETUP_. */
  readonly setupFlags: readonly string[];
  /** Entries of the submission queue. */
  readonly submissionEntries: number;
  /** Entries of the completion queue. */
  readonly completionEntries: number;
  /** Opcodes that are supported. */
  readonly opcodes: number;
  /** Names of the IORING_FEAT_* bits. */
  readonly features: readonly string[];
  /** Microseconds for which the owner driver collects completions before it wakes. */
  readonly minWaitUs: number;
  /** What the kernel itself says it can do; null where it does not answer (before 6.18). */
  readonly query: KernelQuery | null;
}

const OPCODE_SLOTS = 256;

/** Asks the kernel (IORING_REGISTER_PROBE). */
export function probeRing(
  raw: RawRing,
  disabled: readonly number[],
  restrictions: RestrictionSet | null,
): Probe {
  const supported = new Uint8Array(OPCODE_SLOTS);
  supported.set(raw.probe());
  for (const code of disabled) supported[code] = 0;
  if (restrictions !== null) {
    for (const [code, has] of supported.entries()) {
      if (has === 1 && !restrictions.allows(code)) supported[code] = RESTRICTED;
    }
  }
  const names = Object.entries(OpNumber);
  const numbers = new Map<string, number>(names);
  return {
    kernel: release(),
    supported,
    opcodes: names.filter(([, code]) => supported[code] === 1).map(([name]) => name),
    features: Object.entries(Feature)
      .filter(([, bit]) => (raw.features & bit) !== 0)
      .map(([name]) => name),
    has: (opcode) =>
      supported[typeof opcode === 'number' ? opcode : (numbers.get(opcode) ?? OPCODE_SLOTS)] === 1,
  };
}

/** The report of {@link Capabilities}. */
export function describeCapabilities(
  raw: RawRing,
  probe: Probe,
  driver: DriverKind,
  minWaitUs: number,
): Capabilities {
  return {
    kernel: probe.kernel,
    driver,
    setupFlags: setupFlagNames(raw.setupFlags),
    submissionEntries: raw.sqEntries,
    completionEntries: raw.cqEntries,
    opcodes: probe.opcodes.length,
    features: probe.features,
    minWaitUs,
    query: queryKernel(),
  };
}
