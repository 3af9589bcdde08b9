import {
  containerFinding,
  type Finding,
  kernelFinding,
  limitFinding,
  opcodeFinding,
  setupFinding,
  sysctlFinding,
} from './findings.js';
import { type Machine, thisMachine } from './machine.js';

/** Everything the doctor found. */
export interface Diagnosis {
  /** Rings can be set up here. */
  readonly usable: boolean;
  /** Release of the running kernel. */
  readonly kernel: string;
  /** Version of Node.js. */
  readonly node: string;
  /** Processor architecture, as `process.arch`. */
  readonly arch: string;
  /** What was looked at, most important first. */
  readonly findings: readonly Finding[];
}

/**
 * Finds out whether and how well io_uring works here: kernel, sysctl, seccomp, limits, and a ring that is really set up for each loop
 * driver. Nothing is changed.
 *
 * @param machine what to look at; tests give another one
 *
 * @example
 * ```ts
 * import { diagnose, formatDiagnosis } from '@ringbearer/io-uring-bearer';
 *
 * const diagnosis = await diagnose();
 * console.log(formatDiagnosis(diagnosis));
 * ```
 */
export async function diagnose(machine: Machine = thisMachine()): Promise<Diagnosis> {
  const findings: Finding[] = [kernelFinding(machine)];
  if (machine.platform === 'linux') {
    findings.push(
      sysctlFinding(machine),
      containerFinding(machine),
      limitFinding(machine, 'memlock'),
      limitFinding(machine, 'nofile'),
    );
    for (const driver of ['owner', 'embedded'] as const) {
      const attempt = await machine.setUp(driver);
      findings.push(setupFinding(attempt));
      if (driver === 'embedded' && 'opcodes' in attempt)
        findings.push(opcodeFinding(attempt.opcodes));
    }
  }
  const { kernel, nodeVersion: node, arch } = machine;
  return {
    usable: findings.every(({ status }) => status !== 'problem'),
    kernel,
    node,
    arch,
    findings,
  };
}

const MARKS = { ok: 'ok      ', warning: 'warning ', problem: 'PROBLEM ' } as const;

/** A diagnosis as lines of text for a terminal. */
export function formatDiagnosis(diagnosis: Diagnosis): string {
  const lines = diagnosis.findings.flatMap(({ id, status, text, fix }) => [
    `${MARKS[status]} ${id.padEnd(14)} ${text}`,
    ...(fix === undefined ? [] : [`${' '.repeat(24)}-> ${fix}`]),
  ]);
  const verdict = diagnosis.usable
    ? 'io_uring can be used here.'
    : 'io_uring cannot be used here: see the problems above.';
  return [`Node.js ${diagnosis.node}, ${diagnosis.arch}`, ...lines, verdict].join('\n');
}
