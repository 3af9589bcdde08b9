import { Feature, QueryOp, RegisterOp, SqeFlag } from '@ringbearer/io-uring-opcode';
import { addressOf, registerWithoutRing } from '@ringbearer/native/ring';
import { setupFlagNames } from '../ring/setup.js';

/** What the kernel itself says it can do, without a ring being made: IORING_REGISTER_QUERY, kernel 6.18. */
export interface KernelQuery {
  /** Opcodes there are: the numbers below this one. */
  readonly opcodes: number;
  /** Registrations there are: the numbers below this one. */
  readonly registrations: number;
  /** IORING_FEAT_* a ring may have, by name. */
  readonly features: readonly string[];
  /** IORING_SETUP_* a ring may be made with, by name. */
  readonly setupFlags: readonly string[];
  /** IOSQE_* an entry may have, by name. */
  readonly sqeFlags: readonly string[];
}

const HEADER_WORDS = 10;
/** `struct io_uring_query_opcode`, with room for what kernels to come add to it. */
const ANSWER_WORDS = 32;
/** Bytes of an answer that are understood here. */
const ANSWER_BYTES = 48;

let answer: KernelQuery | null | undefined;

/** Asks the kernel, once for each thread. Null where it does not answer: it is older, or a seccomp profile forbids it. */
export function queryKernel(): KernelQuery | null {
  if (answer === undefined) answer = ask();
  return answer;
}

function ask(): KernelQuery | null {
  const header = new Uint32Array(HEADER_WORDS);
  const data = new Uint32Array(ANSWER_WORDS);
  const address = new Uint32Array(2);
  addressOf(data, address);
  header[2] = address[0]!;
  header[3] = address[1]!;
  header[4] = QueryOp.OPCODES;
  header[5] = data.byteLength;
  try {
    registerWithoutRing(RegisterOp.REGISTER_QUERY, header, 0);
  } catch {
    return null;
  }
  const [size = 0, result = 0] = [header[5], header[6]];
  if (result !== 0 || size < ANSWER_BYTES) return null;
  return {
    opcodes: data[0]!,
    registrations: data[1]!,
    features: names(Feature, data[2]!),
    setupFlags: setupFlagNames(data[4]!),
    sqeFlags: names(SqeFlag, data[8]!),
  };
}

function names(table: Readonly<Record<string, number>>, bits: number): string[] {
  return Object.entries(table)
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name);
}
