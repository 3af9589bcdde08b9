import { FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import { expect, test } from 'vitest';
import * as op from '../index.js';
import { conformance } from './index.js';

const fd = new RawFd(9);
const direct = new FixedFd(9);
const api = {
  test: (name: string, body: () => void) => test(name, () => expect(body).not.toThrow()),
};
const carries = true;
const loopback = { family: 'IPv4', address: '127.0.0.1', port: 80 } as const;
const loopback6 = { family: 'IPv6', address: '::1', port: 80 } as const;
const BUFFER_4 = 0x4_0001;
const MORE = 2;
const NOTIF = 8;
/** Byte of `struct msghdr`. */
const MSG_NAMELEN = 8;

conformance(api, {
  make: () => new op.Accept({ listener: fd, into: TargetFd.auto }),
  completions: [
    {
      res: 5,
      // What accept writes: a sockaddr_in, and its length behind the 128 bytes there are for one.
      record(record) {
        record.setUint16(0, 2);
        record.setUint16Network(2, 80);
        record.setBytes(4, Uint8Array.of(127, 0, 0, 1));
        record.setUint32(128, 16);
      },
      result: { descriptor: new FixedFd(5), peer: loopback },
      carries,
    },
  ],
  invalid: { 'no listener': () => new op.Accept({} as never) },
});
conformance(api, {
  title: 'ACCEPT without peer',
  make: () => new op.Accept({ listener: fd, peer: false }),
  completions: [{ res: 12, result: { descriptor: new RawFd(12), peer: null }, carries }],
});
conformance(api, {
  title: 'ACCEPT, multishot',
  make: () => new op.AcceptMulti({ listener: direct, direct: true }),
  completions: [
    { res: 5, flags: MORE, result: new FixedFd(5), carries },
    { res: 6, result: new FixedFd(6), carries },
  ],
});
conformance(api, {
  make: () =>
    new op.Socket({
      family: op.AddressFamily.INET,
      type: op.SocketType.STREAM,
      into: TargetFd.raw,
    }),
  completions: [{ res: 12, result: new RawFd(12), carries }],
  invalid: { 'no type': () => new op.Socket({ family: 2 } as never) },
});
conformance(api, { make: () => new op.Bind({ socket: fd, address: loopback }) });
conformance(api, { make: () => new op.Listen({ socket: direct, backlog: 128 }) });
conformance(api, {
  make: () => new op.Connect({ socket: fd, address: loopback6 }),
  change: (connect) => (connect as op.Connect).set(direct),
  invalid: {
    'a port that is none': () =>
      new op.Connect({ socket: fd, address: { ...loopback, port: 65_536 } }),
  },
});
conformance(api, {
  make: () => new op.Shutdown({ socket: fd, how: op.ShutdownHow.RDWR }),
  change: (shutdown) => (shutdown as op.Shutdown).set(direct),
});
conformance(api, {
  make: (kit) => new op.Recv({ socket: fd, memory: kit.memory(64), offset: 8 }),
  completions: [
    {
      res: 3,
      flags: 4,
      result: { length: 3, bufferId: -1, bufferOffset: 0, socketNonEmpty: true },
    },
  ],
  change: (recv) => (recv as op.Recv).setSocket(direct),
});
conformance(api, {
  title: 'RECV from a group',
  make: () => new op.Recv({ socket: fd, group: 515 }),
  completions: [
    {
      res: 3,
      flags: BUFFER_4,
      result: { length: 3, bufferId: 4, bufferOffset: 0, socketNonEmpty: false },
    },
  ],
});
conformance(api, {
  title: 'RECV, multishot',
  make: () => new op.RecvMulti({ socket: fd, group: 515, pollFirst: true }),
  completions: [{ res: 3, flags: BUFFER_4 | MORE }, { res: 0 }],
  change: (recv) => (recv as op.RecvMulti).set(direct),
});
conformance(api, {
  make: (kit) => new op.RecvMsg({ socket: fd, memory: [kit.memory(8), kit.memory(8)] }),
  completions: [
    {
      res: 3,
      // The length of no name, of a socket that is connected.
      record: (record) => record.setUint32(MSG_NAMELEN, 0),
    },
  ],
  change: (recv) => (recv as op.RecvMsg).setSocket(direct),
});
conformance(api, {
  title: 'RECVMSG, multishot',
  make: () => new op.RecvMsgMulti({ socket: fd, group: 515 }),
  completions: [
    { res: 60, flags: BUFFER_4 | MORE },
    { res: 60, flags: BUFFER_4 },
  ],
  change: (recv) => (recv as op.RecvMsgMulti).set(direct),
});
conformance(api, {
  make: () => new op.RecvZc({ socket: direct, interfaceQueue: 2 }),
  completions: [
    { res: 60, flags: MORE, result: 60 },
    { res: 0, result: 0 },
  ],
});
conformance(api, {
  make: (kit) => new op.Send({ socket: fd, data: kit.memory(64) }),
  completions: [{ res: 64, result: 64 }],
  change: (send) => (send as op.Send).setSocket(direct),
});
conformance(api, {
  title: 'SEND of an array to an address',
  make: () => new op.Send({ socket: fd, data: new Uint8Array(5), destination: loopback }),
  completions: [{ res: 5, result: 5 }],
});
conformance(api, {
  make: (kit) => new op.SendZc({ socket: fd, data: kit.memory(64), destination: loopback6 }),
  completions: [
    { res: 64, flags: MORE, result: { length: 64, released: false, copied: false } },
    { res: 0, flags: NOTIF, result: { length: 64, released: true, copied: false } },
  ],
  change: (send) => (send as op.SendZc).setSocket(direct),
});
conformance(api, {
  make: (kit) => new op.SendMsg({ socket: fd, data: [kit.memory(8), new Uint8Array(3)] }),
  completions: [{ res: 11, result: 11 }],
  change: (send) => (send as op.SendMsg).setSocket(direct),
});
conformance(api, {
  make: (kit) => new op.SendMsgZc({ socket: fd, data: [kit.memory(8)] }),
  completions: [
    { res: 8, flags: MORE },
    { res: 0, flags: NOTIF },
  ],
});
conformance(api, {
  title: 'SEND of many arrays',
  make: (kit) => new op.Sendv({ socket: fd, data: [kit.memory(8), kit.memory(8)] }),
  completions: [{ res: 16, result: 16 }],
  change: (send) => (send as op.Sendv).setSocket(direct),
});
conformance(api, {
  title: 'SEND of a group',
  make: () => new op.SendGroup({ socket: direct, group: 515, bundle: true }),
  completions: [{ res: 5, flags: BUFFER_4 }],
  errorsAsResults: [op.Errno.ENOBUFS],
  explain: { bufferGroup: 'what was sent must not be put back into a group of bytes to send' },
});
conformance(api, {
  title: 'URING_CMD SIOCINQ',
  make: () => new op.SocketQueue({ socket: direct, queue: 'input' }),
  completions: [{ res: 5, result: 5 }],
  change: (queue) => (queue as op.SocketQueue).set(fd),
});
conformance(api, {
  title: 'URING_CMD getsockopt',
  make: () => new op.GetSocketOption({ socket: fd, option: op.SocketOption.LINGER, valueBytes: 8 }),
  completions: [{ res: 8, record: (record) => record.setUint32(0, 1) }],
  change: (get) => (get as op.GetSocketOption).set(direct),
});
conformance(api, {
  title: 'URING_CMD setsockopt',
  make: () =>
    new op.SetSocketOption({
      socket: direct,
      level: op.SocketProtocol.TCP,
      option: op.TcpOption.KEEPIDLE,
      value: 60,
    }),
  change: (set) => (set as op.SetSocketOption).set(fd),
});
