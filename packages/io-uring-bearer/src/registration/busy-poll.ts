import { NapiOp } from '@ringbearer/io-uring-opcode';
import { optionsOf } from '../options.js';
import { integerOf, shown } from './argument.js';
import type { Registrar } from './registrar.js';

const TRACKING = {
  dynamic: NapiOp.TRACKING_DYNAMIC,
  static: NapiOp.TRACKING_STATIC,
  inactive: NapiOp.TRACKING_INACTIVE,
} as const;

/** How a ring looks at network devices while it waits, instead of sleeping until they interrupt. */
export interface BusyPoll {
  /** Longest time to look before sleeping. */
  readonly microseconds: number;
  /** Keep the device's interrupts off as long as there is somebody looking. */
  readonly prefer: boolean;
  /**
   * Which queues of devices to look at: those of the sockets that were used (`'dynamic'`), or those that were named with `addBusyPollQueue`
   * (`'static'`, kernel 6.13). `'inactive'` is what a ring that does not busy-poll answers.
   */
  readonly tracking: keyof typeof TRACKING;
}

const HINTS = {
  EINVAL:
    'the kernel must be built with CONFIG_NET_RX_BUSY_POLL, and static tracking needs Linux 6.13',
  EOPNOTSUPP: 'the kernel must be built with CONFIG_NET_RX_BUSY_POLL',
};

/** Starts busy polling. @returns what was set before */
export function setBusyPoll(
  registrar: Registrar,
  options: Partial<BusyPoll> & Pick<BusyPoll, 'microseconds'>,
): BusyPoll {
  const { microseconds, prefer = false, tracking = 'dynamic' } = optionsOf('busy-poll', options);
  integerOf('busy-poll', 'microseconds', microseconds, 0, 0x7fff_ffff);
  if (tracking !== 'dynamic' && tracking !== 'static') {
    throw new TypeError(
      `Cannot busy-poll as tracking must be 'dynamic' or 'static': current value is ${shown(tracking)}`,
    );
  }
  const argument = layOut(microseconds, prefer, NapiOp.REGISTER_OP, TRACKING[tracking]);
  registrar.call('REGISTER_NAPI', argument, 1, HINTS);
  return read(argument);
}

/** Ends busy polling. @returns what was set, as far as the kernel says: not the tracking */
export function clearBusyPoll(registrar: Registrar): Omit<BusyPoll, 'tracking'> {
  const argument = layOut(0, false, 0, 0);
  registrar.call('UNREGISTER_NAPI', argument, 1, HINTS);
  const { microseconds, prefer } = read(argument);
  return { microseconds, prefer };
}

/** Adds or removes a queue of static tracking. */
export function changeBusyPollQueue(registrar: Registrar, add: boolean, napiId: number): void {
  integerOf(`${add ? 'add' : 'remove'} a queue`, 'its NAPI id', napiId, 0, 0xffff_ffff);
  const operation = add ? NapiOp.STATIC_ADD_ID : NapiOp.STATIC_DEL_ID;
  registrar.call('REGISTER_NAPI', layOut(0, false, operation, napiId), 1, {
    EINVAL:
      'the id must be one that SO_INCOMING_NAPI_ID of a socket gave, and busy polling must be set with { tracking: "static" }',
    EEXIST: 'this queue was added already',
    ENOENT: 'this queue was not added',
  });
}

/** A `struct io_uring_napi`: timeout, then prefer and operation in one byte each, then the operation's parameter. */
function layOut(
  microseconds: number,
  prefer: boolean,
  operation: number,
  parameter: number,
): Uint32Array {
  return Uint32Array.of(microseconds, (prefer ? 1 : 0) | (operation << 8), parameter, 0);
}

function read(argument: Uint32Array): BusyPoll {
  const names = Object.keys(TRACKING) as (keyof typeof TRACKING)[];
  return {
    microseconds: argument[0]!,
    prefer: (argument[1]! & 0xff) !== 0,
    tracking: names.find((name) => TRACKING[name] === argument[2]) ?? 'dynamic',
  };
}
