import { Errno, OpNumber, RegisterOp, RestrictionRule, SqeFlag } from '@ringbearer/io-uring-opcode';
import type { RawRing } from '@ringbearer/native/ring';
import { demandKnown } from '../options.js';
import type { Probe } from '../probe.js';
import type { DriverKind } from '../ring/setup.js';
import { shown } from './argument.js';
import { registrationError } from './registrar.js';
import type { RegistrationName } from './registration-error.js';

/**
 * What a bearer may do at all, enforced by the kernel for as long as it lives: nobody can widen it. For code that is not trusted with
 * everything a ring can do, and as a second fence behind a check of one's own.
 *
 * The bearer's own means stay allowed: ASYNC_CANCEL and CLOSE, with the driver `'owner'` POLL_ADD, and the registrations it closes with.
 * It still refuses them to its users.
 *
 * Kernel 5.10. io_uring_register(2), IORING_REGISTER_RESTRICTIONS.
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Nop, OpenAt } from '@ringbearer/io-uring-opcode';
 *
 * const restrictions = { opcodes: ['NOP', 'READ'], registrations: [] } as const;
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 }, { restrictions });
 * await bearer.submit(new Nop());
 * const refused = await bearer.submit(new OpenAt({ path: '/etc/hostname' })).catch((error) => error.code);
 * console.log(refused); // RESTRICTED
 * await bearer.close();
 * ```
 */
export interface Restrictions {
  /** Opcodes that may be submitted, by name (`'RECV'`) or number. Default: all the kernel has. */
  readonly opcodes?: readonly (keyof typeof OpNumber | number)[];
  /** What may be registered later on. Default: everything the kernel has. */
  readonly registrations?: readonly RegistrationName[];
  /** Bits of SqeFlag an entry may have; an operation with others ends with EACCES. Default: all. */
  readonly flagsAllowed?: number;
  /**
   * Bits of SqeFlag every entry must have: `SqeFlag.FIXED_FILE` leaves only direct descriptors. Not with the driver `'owner'`, whose own
   * entries have none. A result that nobody took, such as the descriptor of a cancelled accept that had won, cannot be closed for you
   * then. Default 0.
   */
  readonly flagsRequired?: number;
}

const RESTRICTIONS: Readonly<Record<keyof Restrictions, true>> = {
  opcodes: true,
  registrations: true,
  flagsAllowed: true,
  flagsRequired: true,
};

/** Every bit of `sqe->flags` there is. */
const SQE_FLAGS = Object.values(SqeFlag).reduce((bits: number, bit) => bits | bit, 0);

/** What a bearer needs to cancel, and to end. */
const OWN_REGISTRATIONS: readonly RegistrationName[] = [
  'REGISTER_SYNC_CANCEL',
  'UNREGISTER_RING_FDS',
  'UNREGISTER_PBUF_RING',
  'UNREGISTER_FILES',
  'UNREGISTER_BUFFERS',
];

/** A `struct io_uring_restriction`. */
const RULE_BYTES = 16;

/** Restrictions that were checked, as one ring is told them. */
export class RestrictionSet {
  /** Opcodes the bearer's users may submit: 1 for each of 256 numbers. */
  readonly #opcodes = new Uint8Array(256);
  readonly #registrations: Set<number>;
  readonly #own: readonly number[];
  readonly #allowed: number;
  /** Flags every entry must have. */
  readonly required: number;

  /** Those of a bearer's options, null for none. @throws as the constructor */
  static of(options: Restrictions | undefined, driver: DriverKind): RestrictionSet | null {
    return options === undefined ? null : new RestrictionSet(options, driver);
  }

  /** @throws TypeError, RangeError for what names no opcode, registration or flag */
  constructor(options: Restrictions, driver: DriverKind) {
    if (typeof options !== 'object' || options === null) {
      throw new TypeError(
        `Cannot restrict a bearer as restrictions must be an object: current value is ${shown(options)}`,
      );
    }
    // What is left out is allowed: so a name that nobody reads must not pass.
    demandKnown('restrict a bearer', 'restriction', options, RESTRICTIONS);
    const { opcodes, registrations, flagsAllowed = SQE_FLAGS, flagsRequired = 0 } = options;
    this.#allowed = flagBits('flagsAllowed', flagsAllowed);
    this.required = flagBits('flagsRequired', flagsRequired);
    if (this.required !== 0 && driver === 'owner') {
      throw new TypeError(
        "Cannot restrict a bearer as flagsRequired excludes the driver 'owner', whose own entries have no flags: use 'embedded' or 'manual'",
      );
    }
    if (opcodes === undefined) this.#opcodes.fill(1);
    else for (const opcode of listed('opcodes', opcodes)) this.#opcodes[opcodeOf(opcode)] = 1;
    this.#registrations = new Set(
      registrations === undefined
        ? registrationNames().map((name) => RegisterOp[name])
        : listed('registrations', registrations).map(registrationOf),
    );
    const { ASYNC_CANCEL, CLOSE, POLL_ADD } = OpNumber;
    this.#own = driver === 'owner' ? [ASYNC_CANCEL, CLOSE, POLL_ADD] : [ASYNC_CANCEL, CLOSE];
  }

  /** Whether users of the bearer may submit an opcode. */
  allows(opcode: number): boolean {
    return this.#opcodes[opcode] === 1;
  }

  /**
   * Restricts a ring that is disabled as yet (IORING_SETUP_R_DISABLED), and enables it.
   *
   * @throws RegistrationError, UnsupportedRegistrationError
   */
  enable(raw: Pick<RawRing, 'register'>, probe: Probe): void {
    this.#restrict(raw, (opcode) => probe.supported[opcode] !== 0);
    raw.register(RegisterOp.REGISTER_ENABLE_RINGS, null, 0);
  }

  #restrict(raw: Pick<RawRing, 'register'>, supported: (opcode: number) => boolean): void {
    const own = OWN_REGISTRATIONS.map((name) => RegisterOp[name]);
    const registrations = [...new Set([...this.#registrations, ...own])].sort((a, b) => a - b);
    for (;;) {
      const rules = this.#rules(supported, registrations);
      try {
        raw.register(RegisterOp.REGISTER_RESTRICTIONS, rules, rules.byteLength / RULE_BYTES);
        return;
      } catch (error) {
        // An older kernel refuses to hear of registrations it does not have: those with the largest numbers.
        const { errno } = error as NodeJS.ErrnoException;
        if (errno !== -Errno.EINVAL || registrations.length <= own.length) {
          throw registrationError('REGISTER_RESTRICTIONS', error, {});
        }
        registrations.pop();
      }
    }
  }

  #rules(supported: (opcode: number) => boolean, registrations: readonly number[]): Uint8Array {
    const rules: [rule: number, value: number][] = [
      [RestrictionRule.SQE_FLAGS_ALLOWED, this.#allowed],
      [RestrictionRule.SQE_FLAGS_REQUIRED, this.required],
      ...registrations.map((op): [number, number] => [RestrictionRule.REGISTER_OP, op]),
    ];
    for (let opcode = 0; opcode < 256; opcode++) {
      const wanted = this.allows(opcode) || this.#own.includes(opcode);
      if (wanted && supported(opcode)) rules.push([RestrictionRule.SQE_OP, opcode]);
    }
    const bytes = new Uint8Array(rules.length * RULE_BYTES);
    for (const [at, [rule, value]] of rules.entries()) {
      bytes[at * RULE_BYTES] = rule;
      bytes[at * RULE_BYTES + 2] = value;
    }
    return bytes;
  }
}

function registrationNames(): RegistrationName[] {
  const { REGISTER_USE_REGISTERED_RING, REGISTER_FILES_SKIP, ...operations } = RegisterOp;
  return Object.keys(operations) as RegistrationName[];
}

function listed<Value>(name: string, value: readonly Value[]): readonly Value[] {
  if (Array.isArray(value)) return value;
  throw new TypeError(
    `Cannot restrict a bearer as ${name} must be an array: current value is ${shown(value)}`,
  );
}

function opcodeOf(value: keyof typeof OpNumber | number): number {
  if (typeof value === 'string' && Object.hasOwn(OpNumber, value)) return OpNumber[value];
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < 256) {
    return value as number;
  }
  throw new TypeError(
    `Cannot restrict a bearer as opcodes must be names like 'RECV', or numbers from 0 to 255: current value is ${shown(value)}`,
  );
}

function registrationOf(value: RegistrationName): number {
  if (registrationNames().includes(value)) return RegisterOp[value];
  throw new TypeError(
    `Cannot restrict a bearer as registrations must be names like 'REGISTER_EVENTFD': current value is ${shown(value)}`,
  );
}

function flagBits(name: string, value: number): number {
  if (Number.isInteger(value) && (value & ~SQE_FLAGS) === 0) return value;
  throw new RangeError(
    `Cannot restrict a bearer as ${name} must be bits of SqeFlag: current value is ${shown(value)}`,
  );
}
