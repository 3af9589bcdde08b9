import { AddressFamily } from './abi.generated.js';
import { integerArgument, show, UINT16_MAX, UINT32_MAX } from './argument.js';
import { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from './ip-text.js';

/** An IPv4 endpoint: ip(7). */
export interface IPv4Address {
  /** Which kind of address this is. */
  readonly family: 'IPv4';
  /** Dotted quad: `'127.0.0.1'`. Names are not resolved. */
  readonly address: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** An IPv6 endpoint: ipv6(7). */
export interface IPv6Address {
  /** Which kind of address this is. */
  readonly family: 'IPv6';
  /** Text form without a zone: `'::1'`. */
  readonly address: string;
  /** 0 to 65535. */
  readonly port: number;
  /** Interface index of a link-local address; absent when 0. */
  readonly scopeId?: number;
  /** Flow label and traffic class; absent when 0. */
  readonly flowInfo?: number;
}

/** A Unix endpoint: unix(7). */
export interface UnixAddress {
  /** Which kind of address this is. */
  readonly family: 'Unix';
  /** A path in the file system; with a leading `'\0'` a name in the abstract space; `''` for a socket without a name. */
  readonly path: string;
}

/** Where a socket is, or whom it talks to. */
export type SocketAddress = IPv4Address | IPv6Address | UnixAddress;

/** `sizeof(struct sockaddr_storage)`: room for every address. */
export const SOCKET_ADDRESS_BYTES = 128;

const IN_BYTES = 16;
const IN6_BYTES = 28;
const UN_PATH = 2; // offsetof(struct sockaddr_un, sun_path)
const UN_PATH_BYTES = 108;

/**
 * The `struct sockaddr_in`, `sockaddr_in6` or `sockaddr_un` of an address: bind(2), connect(2).
 *
 * @returns exactly the bytes whose number is the address length to pass: an abstract name has no terminator, a path has
 * @throws {TypeError} not one of the three kinds of address
 * @throws {RangeError} text that is no address of its family, a port beyond 16 bits, a path longer than 107 bytes
 *
 * @example
 * ```ts
 * import { encodeSocketAddress } from '@ringbearer/io-uring-opcode';
 *
 * const bytes = encodeSocketAddress({ family: 'IPv4', address: '127.0.0.1', port: 80 });
 * console.log(bytes.length, bytes[3]); // 16 80
 * ```
 */
export function encodeSocketAddress(address: SocketAddress): Uint8Array {
  switch (address?.family) {
    case 'IPv4':
      return encodeIPv4(address);
    case 'IPv6':
      return encodeIPv6(address);
    case 'Unix':
      return encodeUnix(address);
    default:
      throw new TypeError(
        `Cannot encode an address as family must be IPv4, IPv6 or Unix: current value is ${show((address as { family?: unknown } | null)?.family)}`,
      );
  }
}

/**
 * The address in the first `length` bytes of `bytes`, as accept(2) and getpeername(2) leave it, or null where it is of
 * another family or cut short.
 *
 * @example
 * ```ts
 * import { decodeSocketAddress, encodeSocketAddress } from '@ringbearer/io-uring-opcode';
 *
 * const bytes = encodeSocketAddress({ family: 'Unix', path: '\0bearer' });
 * console.log(JSON.stringify(decodeSocketAddress(bytes)));
 * ```
 */
export function decodeSocketAddress(
  bytes: Uint8Array,
  length: number = bytes.length,
): SocketAddress | null {
  if (length < 2 || length > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  switch (view.getUint16(0, true)) {
    case AddressFamily.INET:
      if (length < IN_BYTES) return null;
      return { family: 'IPv4', address: formatIPv4(bytes, 4), port: view.getUint16(2) };
    case AddressFamily.INET6: {
      if (length < IN6_BYTES) return null;
      const flowInfo = view.getUint32(4);
      const scopeId = view.getUint32(24, true);
      return {
        family: 'IPv6',
        address: formatIPv6(bytes, 8),
        port: view.getUint16(2),
        ...(flowInfo === 0 ? {} : { flowInfo }),
        ...(scopeId === 0 ? {} : { scopeId }),
      };
    }
    case AddressFamily.UNIX:
      return { family: 'Unix', path: decodePath(bytes.subarray(UN_PATH, length)) };
    default:
      return null;
  }
}

function encodeIPv4({ address, port }: IPv4Address): Uint8Array {
  const bytes = new Uint8Array(IN_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AddressFamily.INET, true);
  view.setUint16(2, integerArgument('encode an address', 'port', port, 0, UINT16_MAX));
  if (typeof address !== 'string' || !parseIPv4(address, bytes, 4)) {
    throw new RangeError(
      `Cannot encode an address as address must be an IPv4 address: current value is ${show(address)}`,
    );
  }
  return bytes;
}

function encodeIPv6({ address, port, scopeId = 0, flowInfo = 0 }: IPv6Address): Uint8Array {
  const bytes = new Uint8Array(IN6_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AddressFamily.INET6, true);
  view.setUint16(2, integerArgument('encode an address', 'port', port, 0, UINT16_MAX));
  view.setUint32(4, integerArgument('encode an address', 'flowInfo', flowInfo, 0, UINT32_MAX));
  if (typeof address !== 'string' || !parseIPv6(address, bytes.subarray(8, 24))) {
    throw new RangeError(
      `Cannot encode an address as address must be an IPv6 address without a zone: current value is ${show(address)}`,
    );
  }
  view.setUint32(24, integerArgument('encode an address', 'scopeId', scopeId, 0, UINT32_MAX), true);
  return bytes;
}

function encodeUnix({ path }: UnixAddress): Uint8Array {
  if (typeof path !== 'string') {
    throw new TypeError(
      `Cannot encode an address as path must be a string: current value is ${show(path)}`,
    );
  }
  const name = new TextEncoder().encode(path);
  const abstract = name[0] === 0;
  const bytesMax = abstract ? UN_PATH_BYTES : UN_PATH_BYTES - 1;
  if (name.length > bytesMax) {
    throw new RangeError(
      `Cannot encode an address as path must be at most ${bytesMax} bytes: current value is ${name.length}`,
    );
  }
  if (!abstract && name.includes(0)) {
    throw new RangeError(
      `Cannot encode an address as path must have no NUL inside: current value is ${show(path)}`,
    );
  }
  const terminator = abstract || name.length === 0 ? 0 : 1;
  const bytes = new Uint8Array(UN_PATH + name.length + terminator);
  new DataView(bytes.buffer).setUint16(0, AddressFamily.UNIX, true);
  bytes.set(name, UN_PATH);
  return bytes;
}

/** An abstract name is as long as the length says; a path ends at its first NUL. */
function decodePath(path: Uint8Array): string {
  const end = path[0] === 0 ? -1 : path.indexOf(0);
  // The kernel reports an unnamed socket as the family alone.
  return new TextDecoder().decode(end < 0 ? path : path.subarray(0, end));
}
